using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Core.LoadShedding;

/// <summary>What the kernel tells pressure of.</summary>
public enum PressureKind
{
    /// <summary>memory.pressure.</summary>
    Memory = 1,

    /// <summary>cpu.pressure.</summary>
    Cpu = 2,

    /// <summary>io.pressure.</summary>
    Io = 3,
}

/// <summary>What begins and ends shedding.</summary>
public abstract record SheddingTrigger
{
    /// <summary>For so much of ten seconds some task of QM waited (PSI, some avg10).</summary>
    /// <param name="Kind">For what.</param>
    /// <param name="Above">Percent above which it is too much.</param>
    /// <param name="For">How long it must be, before load is shed.</param>
    /// <param name="Below">Percent below which it is calm.</param>
    public sealed record Pressure(PressureKind Kind, int Above, TimeSpan For, int Below) : SheddingTrigger
    {
        /// <inheritdoc/>
        public override string ToString() => $"{Kind.ToString().ToLowerInvariant()} pressure of QM is above {Above}% for {Durations.Text(For)}";
    }

    /// <summary>A counter of memory.events of QM grows.</summary>
    /// <param name="Name">Which: low, high, max, oom, oom_kill.</param>
    /// <param name="Above">By more than so much within so long it is too much.</param>
    public sealed record Events(string Name, RestartBudget Above) : SheddingTrigger
    {
        /// <inheritdoc/>
        public override string ToString() => $"memory.events {Name} of QM grows by more than {Above}";
    }
}

/// <summary>Load that is shed while QM is under pressure, and taken up again when it is calm.</summary>
/// <param name="Name">A DNS label.</param>
/// <param name="When">What begins it.</param>
/// <param name="CalmFor">How long it must be calm before the load is taken up again.</param>
/// <param name="Freeze">Workloads that are frozen, by name.</param>
/// <param name="Limits">Limits of qm.service that hold in the place of those of the environment.</param>
public sealed record SheddingRule(
    string Name, SheddingTrigger When, TimeSpan CalmFor, ImmutableArray<string> Freeze, ImmutableSortedDictionary<ResourceProperty, ResourceValue> Limits)
{
    /// <inheritdoc/>
    public bool Equals(SheddingRule? other) => other is not null && (Name, When, CalmFor) == (other.Name, other.When, other.CalmFor)
        && Freeze.SequenceEqual(other.Freeze) && Limits.SequenceEqual(other.Limits);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, When, CalmFor, Freeze.Length, Limits.Count);
}

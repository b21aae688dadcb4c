using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Simulation.Engine;

namespace Qm.Fleet.Simulation.Models;

/// <summary>What is wrong with a revision, on the nodes that have it to suffer.</summary>
internal enum Flaw
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The agent extension refuses its files.</summary>
    Refused = 1,

    /// <summary>QM does not start with it.</summary>
    QmFails = 2,

    /// <summary>The workload does not start.</summary>
    WorkloadFails = 3,

    /// <summary>The workload starts, and dies after a while.</summary>
    WorkloadDies = 4,

    /// <summary>The kernel kills for memory after a while.</summary>
    OutOfMemory = 5,
}

/// <summary>A revision with what it does on nodes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Environment">What it holds.</param>
/// <param name="Flaw">What is wrong with it.</param>
/// <param name="After">How long a flaw that comes later takes.</param>
/// <param name="Sufferers">On how many of a hundred nodes.</param>
internal sealed record SimulatedRevision(string Name, FleetEnvironment Environment, Flaw Flaw, TimeSpan After, int Sufferers)
{
    private static readonly ImmutableSortedDictionary<string, int> Scores = ImmutableSortedDictionary.Create<string, int>(StringComparer.Ordinal);

    /// <summary>What a fleet that is deleted goes to.</summary>
    internal static SimulatedRevision Removed { get; } = new(Removal.Revision, Removal.Environment, Flaw.None, TimeSpan.Zero, 0);

    /// <summary>The flaw on one node; always the same one.</summary>
    internal Flaw On(SimulatedNode node) => (node.Number * 37) % 100 < Sufferers ? Flaw : Flaw.None;

    /// <summary>A revision out of few enough values that two of them often share some.</summary>
    internal static SimulatedRevision Draw(string name, bool isGood, Randomness random)
    {
        var quadlet = ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, ImmutableArray<string>>>.Empty.Add(
            "Container", ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty.Add("Image", [$"localhost/radio:{(isGood ? random.Below(3).ToString(System.Globalization.CultureInfo.InvariantCulture) : name)}"]));
        var environment = new FleetEnvironment
        {
            Resources = ImmutableSortedDictionary<ResourceProperty, ResourceValue>.Empty.Add(ResourceProperty.MemoryHigh, new ResourceValue.Bytes((ulong)random.Between(1, 3) << 30)),
            Oom = new(random.Chance(60) ? 500 : 600, 750, random.Chance(30) ? Scores.Add(SimulatedNode.Brake, random.Chance(50) ? -900 : -800) : Scores),
            QmAgent = random.Chance(20) ? ImmutableSortedDictionary<string, string>.Empty.Add("LogLevel", random.Chance(50) ? "DEBUG" : "WARN") : ImmutableSortedDictionary<string, string>.Empty,
            HostAgent = random.Chance(10) ? ImmutableSortedDictionary<string, string>.Empty.Add("HeartbeatInterval", random.Chance(50) ? "1000" : "3000") : ImmutableSortedDictionary<string, string>.Empty,
            Workloads = [new("radio", quadlet, null), .. random.Chance(30) ? [new Workload("map", quadlet, random.Chance(50) ? 800 : null)] : (Workload[])[]],
        };
        var flaw = isGood ? Flaw.None : (Flaw)random.Between((int)Flaw.Refused, (int)Flaw.OutOfMemory);
        return new(name, environment, flaw, TimeSpan.FromSeconds(random.Between(5, 90)), random.Chance(50) ? 100 : random.Between(20, 80));
    }
}

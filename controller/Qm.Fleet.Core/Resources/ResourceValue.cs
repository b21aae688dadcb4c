using System.Globalization;

namespace Qm.Fleet.Core.Resources;

/// <summary>A checked limit; equal when it means the same, however it was written.</summary>
public abstract record ResourceValue
{
    private ResourceValue()
    {
    }

    /// <summary>The value in systemd's words, always the same for the same meaning.</summary>
    public abstract override string ToString();

    /// <summary>Runs only when nothing else wants the CPU.</summary>
    public sealed record Idle : ResourceValue
    {
        /// <inheritdoc/>
        public override string ToString() => "idle";
    }

    /// <summary>No limit.</summary>
    public sealed record Infinity : ResourceValue
    {
        /// <inheritdoc/>
        public override string ToString() => "infinity";
    }

    /// <summary>A weight.</summary>
    /// <param name="Value">1 to 10000.</param>
    public sealed record Weight(int Value) : ResourceValue
    {
        /// <inheritdoc/>
        public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>CPU time.</summary>
    /// <param name="MicrosecondsPerSecond">Microseconds of CPU in a second; 1,000,000 is one CPU.</param>
    public sealed record Quota(long MicrosecondsPerSecond) : ResourceValue
    {
        /// <inheritdoc/>
        public override string ToString() => (MicrosecondsPerSecond / 10_000m).ToString("0.####", CultureInfo.InvariantCulture) + "%";
    }

    /// <summary>A set of CPUs.</summary>
    /// <param name="Set">Indices.</param>
    public sealed record Cpus(CpuSet Set) : ResourceValue
    {
        /// <inheritdoc/>
        public override string ToString() => Set.ToString();
    }

    /// <summary>A size.</summary>
    /// <param name="Value">Bytes.</param>
    public sealed record Bytes(ulong Value) : ResourceValue
    {
        /// <inheritdoc/>
        public override string ToString() => Sizes.Format(Value);
    }

    /// <summary>A part of what the node has.</summary>
    /// <param name="Permyriad">Hundredths of a per cent, 0 to 10000.</param>
    public sealed record Percent(int Permyriad) : ResourceValue
    {
        /// <inheritdoc/>
        public override string ToString() => (Permyriad / 100m).ToString("0.##", CultureInfo.InvariantCulture) + "%";
    }

    /// <summary>A number of things.</summary>
    /// <param name="Value">How many.</param>
    public sealed record Count(ulong Value) : ResourceValue
    {
        /// <inheritdoc/>
        public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>A limit for each of some devices.</summary>
    /// <param name="Limits">Path and limit of each.</param>
    public sealed record Devices(DeviceLimits Limits) : ResourceValue
    {
        /// <inheritdoc/>
        public override string ToString() => Limits.ToString();
    }

    /// <summary>One word of a few.</summary>
    /// <param name="Value">As systemd spells it.</param>
    public sealed record Word(string Value) : ResourceValue
    {
        /// <inheritdoc/>
        public override string ToString() => Value;
    }
}

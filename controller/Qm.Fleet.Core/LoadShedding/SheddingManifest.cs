using System.Collections.Immutable;

namespace Qm.Fleet.Core.LoadShedding;

/// <summary>A rule of load shedding as it was received; nothing is checked, and empty texts are absent.</summary>
public sealed record SheddingManifest
{
    /// <summary>name.</summary>
    public string Name { get; init; } = "";

    /// <summary>when.pressure.</summary>
    public string Pressure { get; init; } = "";

    /// <summary>when.memoryEvents.</summary>
    public string MemoryEvents { get; init; } = "";

    /// <summary>when.above.</summary>
    public string Above { get; init; } = "";

    /// <summary>when.for.</summary>
    public string For { get; init; } = "";

    /// <summary>until.below.</summary>
    public string Below { get; init; } = "";

    /// <summary>until.for.</summary>
    public string CalmFor { get; init; } = "";

    /// <summary>freeze: workloads.</summary>
    public IReadOnlyList<string> Freeze { get; init; } = [];

    /// <summary>limits, by systemd's name.</summary>
    public IReadOnlyDictionary<string, string> Limits { get; init; } = ImmutableDictionary<string, string>.Empty;
}

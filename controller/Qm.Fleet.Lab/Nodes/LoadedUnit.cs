using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>What systemd read about a unit at its last daemon-reload; files that changed since are not part of it.</summary>
/// <param name="Name">The unit, such as <c>qm.service</c>.</param>
/// <param name="FragmentPath">The main unit file, from the node's root.</param>
/// <param name="SourcePath">The quadlet it was generated from; empty when it was not.</param>
/// <param name="DropInPaths">systemd drop-ins, in the order they were merged. Quadlet drop-ins are part of the fragment and leave no trace here.</param>
/// <param name="File">Fragment and drop-ins merged.</param>
/// <param name="Limits">Resource control after merging.</param>
/// <param name="WantedAtBoot">Whether a target wants it.</param>
/// <param name="UnitFileState">What <c>systemctl is-enabled</c> says.</param>
internal sealed record LoadedUnit(
    string Name, string FragmentPath, string SourcePath, IReadOnlyList<string> DropInPaths, MergedUnit File, ResourceControl Limits, bool WantedAtBoot, string UnitFileState)
{
    public const string Transient = "transient";

    /// <summary>Whether fragment and drop-ins are by now others than those that were read.</summary>
    public Func<bool> IsStale { get; init; } = static () => false;

    /// <summary>The unit's description, or its name.</summary>
    public string Description => Setting("Unit", "Description") ?? Name;

    /// <summary><c>Restart=</c>; <c>no</c> when unset.</summary>
    public string Restart => Setting("Service", "Restart") ?? "no";

    /// <summary><c>OOMScoreAdjust=</c>, the last that can be read; 0 when none can.</summary>
    public int OomScoreAdjust => Settings("Service", "OOMScoreAdjust").Select(text => int.TryParse(text, out var score) ? score : (int?)null)
        .LastOrDefault(score => score is >= -1000 and <= 1000) ?? 0;

    /// <summary>Targets that its file asks to be wanted by.</summary>
    public IEnumerable<string> WantedBy => Settings("Install", "WantedBy").SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Whether it exists only until it ends.</summary>
    public bool IsTransient => UnitFileState == Transient;

    /// <summary>The last value of a key.</summary>
    public string? Setting(string section, string key) => Settings(section, key).LastOrDefault();

    /// <summary>All values of a key since its last reset.</summary>
    public IEnumerable<string> Settings(string section, string key) => File.All(section, key).Select(entry => entry.Value);
}

namespace Qm.Fleet.BlueChi;

/// <summary>A unit that a node's systemd has loaded; words are systemd's.</summary>
/// <param name="Name">Full unit name.</param>
/// <param name="Description">For people.</param>
/// <param name="LoadState">Such as <c>loaded</c>.</param>
/// <param name="ActiveState">Such as <c>active</c>.</param>
/// <param name="SubState">Such as <c>running</c>.</param>
/// <param name="Following">The unit whose state this one follows; mostly empty.</param>
/// <param name="JobId">The queued systemd job; 0 when there is none.</param>
/// <param name="JobType">systemd's word for that job; empty when there is none.</param>
public sealed record UnitInfo(
    string Name, string Description, string LoadState, string ActiveState, string SubState, string Following = "", uint JobId = 0, string JobType = "");

/// <summary>A unit file.</summary>
/// <param name="Path">Absolute, on the node.</param>
/// <param name="State">systemd's word, such as <c>enabled</c> or <c>static</c>.</param>
public sealed record UnitFileInfo(string Path, string State);

/// <summary>A link that was made or removed.</summary>
/// <param name="Type">systemd's word, such as <c>symlink</c> or <c>unlink</c>.</param>
/// <param name="File">The link.</param>
/// <param name="Source">Where it leads; empty when it was removed.</param>
public sealed record UnitFileChange(string Type, string File, string Source);

/// <summary>What enabling did.</summary>
/// <param name="CarriesInstallInfo">Whether the files say at all when they want to be started.</param>
/// <param name="Changes">Links that were made or removed.</param>
public sealed record EnabledUnitFiles(bool CarriesInstallInfo, IReadOnlyList<UnitFileChange> Changes);

/// <summary>Which processes of a unit are meant.</summary>
public enum KillWhom
{
    /// <summary>Every process of the unit's cgroup.</summary>
    All = 0,

    /// <summary>The main process.</summary>
    Main = 1,

    /// <summary>The process of a start or stop command that runs now.</summary>
    Control = 2,
}

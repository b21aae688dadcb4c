namespace Qm.Fleet.BlueChi;

/// <content>Unit files of one node, and its systemd as a whole.</content>
public partial interface IBlueChi
{
    /// <summary>Makes a node's systemd read its unit files again; changes nothing in the kernel.</summary>
    Task ReloadAsync(string node, CancellationToken ct);

    /// <summary>Unit files that a node has.</summary>
    Task<IReadOnlyList<UnitFileInfo>> ListUnitFilesAsync(string node, CancellationToken ct);

    /// <summary>Whether a unit is enabled, in systemd's words.</summary>
    /// <exception cref="UnknownUnitException">There is no such unit file.</exception>
    Task<string> GetUnitFileStateAsync(string node, string unit, CancellationToken ct);

    /// <summary>Has units started at boot; takes effect with the next <see cref="ReloadAsync"/>.</summary>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="files">Unit names or absolute paths.</param>
    /// <param name="runtime">Whether it is forgotten at the next boot.</param>
    /// <param name="force">Whether links that are in the way are replaced.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="UnknownUnitException">One of the files does not exist.</exception>
    Task<EnabledUnitFiles> EnableUnitFilesAsync(string node, IReadOnlyList<string> files, bool runtime, bool force, CancellationToken ct);

    /// <summary>Has units no longer started at boot; takes effect with the next <see cref="ReloadAsync"/>.</summary>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="files">Unit names.</param>
    /// <param name="runtime">Whether only what is forgotten at the next boot is taken back.</param>
    /// <param name="ct">Ends the wait.</param>
    Task<IReadOnlyList<UnitFileChange>> DisableUnitFilesAsync(string node, IReadOnlyList<string> files, bool runtime, CancellationToken ct);

    /// <summary>The target a node boots into.</summary>
    Task<string> GetDefaultTargetAsync(string node, CancellationToken ct);

    /// <summary>Changes the target a node boots into.</summary>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="target">Full unit name.</param>
    /// <param name="force">Whether a link that is in the way is replaced.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="UnknownUnitException">There is no such target.</exception>
    Task<IReadOnlyList<UnitFileChange>> SetDefaultTargetAsync(string node, string target, bool force, CancellationToken ct);

    /// <summary>Changes what a node's bluechi-agent logs, until it restarts.</summary>
    /// <remarks>bluechi-controller does nothing else until the agent answers, 25 s for a frozen one; so the agent is asked for something harmless first.</remarks>
    /// <exception cref="NodeOfflineException">The agent is not connected or does not answer; the level was not sent.</exception>
    Task SetNodeLogLevelAsync(string node, BlueChiLogLevel level, CancellationToken ct);
}

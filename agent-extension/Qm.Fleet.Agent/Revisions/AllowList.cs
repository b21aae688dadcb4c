using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>The only files the agent ever writes, and the grammar of the names in their paths.</summary>
internal static class AllowList
{
    /// <summary>Where QM's own drop-in lies on every node.</summary>
    public static readonly OwnedPath QmContainerDropIn = new("/", "etc/containers/systemd/qm.container.d", "50-qm-fleet.conf");

    /// <summary>Where the settings of the host's BlueChi agent lie: behind whatever else is there, because the last file wins.</summary>
    public static readonly OwnedPath HostBlueChiAgentConf = new("/", "etc/bluechi/agent.conf.d", "zz-qm-fleet.conf");

    /// <summary>File name of the drop-ins of safety units.</summary>
    public const string AsilFileName = "50-qm-fleet.conf";

    /// <summary>The directory, from the host's root, whose <c>&lt;unit&gt;.d</c> hold the drop-ins of safety units.</summary>
    public const string AsilDirectory = "etc/systemd/system";

    private static readonly string[] ScoredUnitTypes = [".service", ".socket", ".mount", ".swap"];

    /// <summary>The path of an owned file.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="name">The workload's name or the safety unit's full name; empty for the other kinds.</param>
    /// <param name="qmEtc">QM's <c>/etc</c> on the host, RWETCFS of the quadlet in force.</param>
    /// <exception cref="CommandRefusedException">InvalidFile: the kind is unknown or the name breaks the grammar.</exception>
    public static OwnedPath Locate(OwnedFileKind kind, string name, string qmEtc)
    {
        if (Problem(kind, name) is { } problem)
        {
            throw new CommandRefusedException("InvalidFile", problem);
        }

        return kind switch
        {
            OwnedFileKind.QmContainerDropIn => QmContainerDropIn,
            OwnedFileKind.QmContainersConf => new(qmEtc, "containers/containers.conf.d", "50-qm-fleet.conf"),
            OwnedFileKind.QmBlueChiAgentConf => new(qmEtc, "bluechi/agent.conf.d", "zz-qm-fleet.conf"),
            OwnedFileKind.HostBlueChiAgentConf => HostBlueChiAgentConf,
            OwnedFileKind.Workload => new(qmEtc, "containers/systemd", $"{name}.container"),
            _ => new("/", $"{AsilDirectory}/{name}.d", AsilFileName),
        };
    }

    /// <summary>What is wrong with a file's kind and name, as a sentence; null when nothing is.</summary>
    public static string? Problem(OwnedFileKind kind, string name) => kind switch
    {
        OwnedFileKind.QmContainerDropIn or OwnedFileKind.QmContainersConf or OwnedFileKind.QmBlueChiAgentConf or OwnedFileKind.HostBlueChiAgentConf =>
            name.Length == 0 ? null : $"A file of kind {kind} has a fixed place and takes no name, but \"{Printable(name)}\" was given.",
        OwnedFileKind.Workload => UnitName.IsValidWorkload(name, out var problem) ? null : $"Workload: {problem}.",
        OwnedFileKind.AsilDropIn => AsilProblem(name),
        _ => $"Kind {(int)kind} is not one this agent knows; it is older than the controller, or the kind was not set.",
    };

    private static string? AsilProblem(string name) => name switch
    {
        "qm.service" => "qm.service is QM itself and no safety unit; its OOM score belongs into QmContainerDropIn.",
        _ when !UnitName.IsValid(name, out var problem) => $"Safety unit: {problem}.",
        _ when !Array.Exists(ScoredUnitTypes, suffix => name.EndsWith(suffix, StringComparison.Ordinal)) =>
            $"{name} is no unit with processes; expected a name that ends in {string.Join(", ", ScoredUnitTypes)}.",
        _ when name.Length + ".d".Length > UnitName.MaxLength => $"{Printable(name)} is too long for a directory of drop-ins.",
        _ => null,
    };

    /// <summary>A name from the wire, made safe to show: no control characters, at most 64 characters.</summary>
    internal static string Printable(string name) =>
        string.Concat(name.Take(64).Select(c => char.IsControl(c) ? '?' : c)) + (name.Length > 64 ? "..." : "");
}

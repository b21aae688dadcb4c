using Qm.Fleet.Agent.Processes;

namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>What one entry of a bundle is made from.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Command">The command whose output it is.</param>
internal sealed record BundleCommand(string Name, NodeCommand Command);

/// <summary>What a bundle holds besides files: the one list.</summary>
internal static class BundleItems
{
    private const int JournalBytesMax = 1024 * 1024;
    private const string Lines = "3000";

    /// <summary>The commands, those that matter most first.</summary>
    public static IReadOnlyList<BundleCommand> Commands { get; } =
    [
        Journal("journal/qm.service.txt", "-u", "qm.service"),
        new("journal/inside-qm.txt", Long(NodeCommand.InQm("journalctl", "--no-pager", "-o", "short-iso", "-n", Lines))),
        Journal("journal/bluechi.txt", "-u", "bluechi-agent.service", "-u", "bluechi-controller.service"),
        Journal("journal/qm-fleet-agent.txt", "-u", "qm-fleet-agent.service"),
        Journal("journal/kernel.txt", "-k"),
        Journal("selinux/setroubleshoot.txt", "-t", "setroubleshoot"),
        new("selinux/ausearch.txt", Long(new("ausearch", "--input-logs", "-m", "AVC,USER_AVC,SELINUX_ERR", "-ts", "boot"))),
        new("systemd/qm.service-status.txt", new("systemctl", "status", "qm.service", "--no-pager", "-l", "-n", "0")),
        new("systemd/qm.service-show.txt", new("systemctl", "show", "qm.service", "--no-pager")),
        new("systemd/qm.service-cat.txt", new("systemctl", "cat", "qm.service", "--no-pager")),
        new("systemd/inside-qm-failed.txt", NodeCommand.InQm("systemctl", "list-units", "--failed", "--no-pager")),
        new("podman/version.txt", new("podman", "version")),
        new("podman/ps.txt", new("podman", "ps", "--all")),
        new("podman/inspect-qm.txt", new("podman", "inspect", "qm") { OutputBytesMax = 256 * 1024 }),
        new("podman/inside-qm-ps.txt", NodeCommand.InQm("podman", "ps", "--all")),
        new("podman/inside-qm-info.txt", NodeCommand.InQm("podman", "info")),
        new("bluechi/status.txt", new("bluechictl", "status")),
    ];

    private static BundleCommand Journal(string name, params string[] matches) =>
        new(name, Long(new("journalctl", ["--no-pager", "-o", "short-iso", "-n", Lines, .. matches])));

    private static NodeCommand Long(NodeCommand command) => command with { OutputBytesMax = JournalBytesMax, Deadline = TimeSpan.FromSeconds(30) };
}

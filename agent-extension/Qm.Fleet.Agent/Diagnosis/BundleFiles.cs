using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>The configuration in force on a node, as files: host, quadlet and QM.</summary>
internal static class BundleFiles
{
    private const int FilesMax = 300;

    private static readonly string[] Host =
    [
        "/etc/os-release", "/etc/bluechi/agent.conf", "/etc/bluechi/agent.conf.d", "/etc/bluechi/controller.conf", "/etc/bluechi/controller.conf.d",
        "/etc/subuid", "/etc/subgid", "/usr/share/containers/systemd/qm.container", "/usr/share/containers/systemd/qm.container.d",
        "/etc/containers/systemd/qm.container", "/etc/containers/systemd/qm.container.d", "/run/containers/systemd/qm.container",
        "/run/systemd/generator/qm.service", "/etc/systemd/system/qm.service.d", "/etc/systemd/system.control/qm.service.d",
        "/run/systemd/system.control/qm.service.d", "/proc/meminfo", "/proc/pressure/memory", "/proc/pressure/cpu", "/proc/pressure/io", "/proc/version",
        "/proc/1/mountinfo", "/sys/fs/selinux/enforce", "/var/log/qm-device-manager.log",
    ];

    private static readonly string[] InQmEtc =
        ["/bluechi/agent.conf", "/bluechi/agent.conf.d", "/containers/containers.conf", "/containers/containers.conf.d", "/containers/storage.conf", "/containers/systemd"];

    /// <summary>Every file that is there: where it lies, and how to read it.</summary>
    /// <param name="root">The node.</param>
    /// <param name="init">QM's init on the host; 0 when QM does not run.</param>
    /// <param name="problems">What could not be listed, a sentence each.</param>
    public static IEnumerable<BundleFile> Find(NodeRoot root, int init, ICollection<string> problems)
    {
        string[] ofInit = init == 0 ? [] : [.. ((string[])["status", "mountinfo", "oom_score_adj", "attr/current", "limits"]).Select(name => $"/proc/{init}/{name}")];
        var cgroup = List(root, "/sys/fs/cgroup/qm.service", problems).Where(name => name.Contains('.', StringComparison.Ordinal) && !name.StartsWith("libpod", StringComparison.Ordinal))
            .Select(name => $"/sys/fs/cgroup/qm.service/{name}");
        return Host.Concat(ofInit).SelectMany(path => Expand(root, path, problems)).Concat(cgroup)
            .Select(path => new BundleFile(path, root, path))
            .Concat(OfQm(root, problems)).Take(FilesMax);
    }

    // Read below QM's own /etc: a link that QM planted there leads to nothing of the host.
    private static IEnumerable<BundleFile> OfQm(NodeRoot root, ICollection<string> problems)
    {
        string path;
        NodeRoot etc;
        try
        {
            path = QmPaths.From(QuadletSources.Read(root)).Etc;
            etc = root.Within(path);
        }
        catch (Exception e) when (e is CommandRefusedException or NodeFileException)
        {
            problems.Add($"QM's own configuration was not found: {e.Message}");
            yield break;
        }

        using (etc)
        {
            foreach (var file in InQmEtc.SelectMany(below => Expand(etc, below, problems)))
            {
                yield return new(path + file, etc, file);
            }
        }
    }

    // A directory's files, or the file itself.
    private static IEnumerable<string> Expand(NodeRoot root, string path, ICollection<string> problems) =>
        List(root, Path.GetDirectoryName(path)!, problems).Contains(Path.GetFileName(path))
            ? path.EndsWith(".d", StringComparison.Ordinal) || path.EndsWith("/systemd", StringComparison.Ordinal)
                ? List(root, path, problems).Select(name => $"{path}/{name}")
                : [path]
            : [];

    private static IReadOnlyList<string> List(NodeRoot root, string path, ICollection<string> problems)
    {
        try
        {
            return root.List(path);
        }
        catch (Exception e) when (e is NodeFileException or UnauthorizedAccessException)
        {
            problems.Add($"{path} was not listed: {e.Message}");
            return [];
        }
    }
}

/// <summary>A file for the bundle.</summary>
/// <param name="Path">Where it lies, from the node's root.</param>
/// <param name="Root">What it is read below.</param>
/// <param name="PathInRoot">Where it lies there.</param>
internal sealed record BundleFile(string Path, NodeRoot Root, string PathInRoot);

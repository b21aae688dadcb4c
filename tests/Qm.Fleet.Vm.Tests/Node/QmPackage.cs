using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>What of the lab's node stands in for QM's package and its setup. The rest of a node comes from Debian.</summary>
internal static class QmPackage
{
    private static readonly string[] Prefixes =
    [
        "etc/subuid", "etc/subgid", "etc/bluechi/", "etc/qm/subuid", "etc/qm/subgid", "etc/qm/bluechi/", "etc/qm/containers/containers.conf",
        "usr/share/containers/systemd/", "usr/share/qm/",
    ];

    /// <summary>Its files, by path from the node's root.</summary>
    internal static IEnumerable<(string Path, string Content)> FilesOf(string node) =>
        VendorFiles.Of(node).Where(file => Prefixes.Any(prefix => file.Path.StartsWith(prefix, StringComparison.Ordinal)));
}

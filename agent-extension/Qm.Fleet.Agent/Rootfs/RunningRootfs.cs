using System.Globalization;
using Qm.Fleet.Agent.Evidence;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>What QM runs from, as the kernel says: the root of the mount on <c>/</c> in the mount namespace of QM's init.</summary>
internal static class RunningRootfs
{
    /// <summary>A path within its file system; empty when QM does not run or the kernel does not tell.</summary>
    /// <param name="findings">Where to read.</param>
    /// <param name="init">Process id of QM's init; 0 when QM does not run.</param>
    // A whole file system, such as an overlay, has no path that would tell it from another.
    public static string Read(Findings findings, int init) =>
        init != 0 && findings.Mounts(init.ToString(CultureInfo.InvariantCulture))?.On("/") is { Root: not "/" } rootfs ? rootfs.Root : "";
}

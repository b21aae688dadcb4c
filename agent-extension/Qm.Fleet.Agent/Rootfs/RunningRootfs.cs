using System.Globalization;
using Qm.Fleet.Agent.Evidence;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>What QM runs from, as the kernel says: the root of the mount on <c>/</c> in the mount namespace of QM's init.</summary>
internal static class RunningRootfs
{
    private const int RootField = 3;
    private const int MountPointField = 4;

    /// <summary>A path within its file system; empty when QM does not run or the kernel does not tell.</summary>
    /// <param name="findings">Where to read.</param>
    /// <param name="init">Process id of QM's init; 0 when QM does not run.</param>
    public static string Read(Findings findings, int init)
    {
        var mounts = init == 0 ? null : findings.Text(string.Create(CultureInfo.InvariantCulture, $"/proc/{init}/mountinfo"));
        var root = (mounts ?? "").Split('\n').Select(line => line.Split(' '))
            .LastOrDefault(fields => fields.Length > MountPointField && fields[MountPointField] == "/")?[RootField] ?? "";
        // A whole file system, such as an overlay, has no path that would tell it from another.
        return root == "/" ? "" : Unescape(root);
    }

    // The kernel writes blanks, line ends and backslashes as three octal digits.
    private static string Unescape(string path) => path.Split('\\') is [var first, .. var rest]
        ? first + string.Concat(rest.Select(part => part.Length >= 3 && part[..3].All(digit => digit is >= '0' and <= '7')
            ? (char)Convert.ToInt32(part[..3], 8) + part[3..]
            : "\\" + part))
        : path;
}

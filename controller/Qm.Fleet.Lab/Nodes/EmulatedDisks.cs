using System.Runtime.InteropServices;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>The disks of an emulated node: one with a partition that holds everything, and a second one. In /dev they are files, which need no privilege to make.</summary>
internal static partial class EmulatedDisks
{
    /// <summary>Number of the partition that holds the whole node.</summary>
    public const string Partition = "253:1";

    private const string Whole = "253:0";
    private const string Devices = "../../devices/virtual/block/";
    private static readonly (string Name, string Number, string Path)[] All = [("vda", Whole, "vda"), ("vda1", Partition, "vda/vda1"), ("sda", "8:0", "sda")];

    /// <summary>Makes them.</summary>
    public static void Write(EmulatedKernel kernel)
    {
        foreach (var (name, number, path) in All)
        {
            kernel.Write($"dev/{name}", "");
            kernel.Write($"sys/devices/virtual/block/{path}/dev", number);
            Link(kernel, $"sys/dev/block/{number}", Devices + path);
            Link(kernel, $"sys/class/block/{name}", Devices + path);
        }

        kernel.Write("sys/devices/virtual/block/vda/vda1/partition", "1");
    }

    /// <summary>The disk a path leads to as systemd finds it; null when there is none, which it only logs.</summary>
    public static string? Find(string root, string path) =>
        path.StartsWith("/dev/block/", StringComparison.Ordinal) ? path["/dev/block/".Length..]
        : All.FirstOrDefault(disk => $"/dev/{disk.Name}" == path) is { Number: { } number } ? number == Partition ? Whole : number
        : Path.Exists(Path.Combine(root, path.TrimStart('/'))) ? Whole
        : null;

    /// <summary>io.max with the limits of one disk replaced; a disk that is limited in nothing has no line.</summary>
    public static string Replace(string content, string disk, string limits) => string.Join('\n', content.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Where(line => !line.StartsWith(disk + " ", StringComparison.Ordinal)).Concat(limits.Split(' ').All(limit => limit.EndsWith("=max", StringComparison.Ordinal)) ? [] : [$"{disk} {limits}"])
        .Order(StringComparer.Ordinal));

    /// <summary>Marks a cgroup for systemd-oomd, where the file system keeps such attributes.</summary>
    public static void Mark(string cgroup, string preference)
    {
        foreach (var mark in new[] { "omit", "avoid" })
        {
            // Removing what is not there, and a file system without attributes, are as well with systemd.
            _ = mark == preference ? SetAttribute(cgroup, $"user.oomd_{mark}", "1"u8.ToArray(), 1, 0) : RemoveAttribute(cgroup, $"user.oomd_{mark}");
        }
    }

    private static void Link(EmulatedKernel kernel, string path, string target)
    {
        var link = Path.Combine(kernel.Root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        if (!Path.Exists(link))
        {
            File.CreateSymbolicLink(link, target);
        }
    }

    [LibraryImport("libc", EntryPoint = "setxattr", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetAttribute(string path, string name, byte[] value, nuint size, int flags);

    [LibraryImport("libc", EntryPoint = "removexattr", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RemoveAttribute(string path, string name);
}

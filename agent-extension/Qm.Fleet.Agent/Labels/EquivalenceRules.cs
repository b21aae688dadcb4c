using System.Text;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Labels;

/// <summary>The lines of <c>file_contexts.subs</c> that have rootfs slots labelled as the rootfs of the node's image is.</summary>
/// <remarks>
/// They are what <c>semanage fcontext -a -e /usr/lib/qm/rootfs SLOT</c> would write, which is a program in Python that keeps this file and does nothing else for it; a
/// minimal AutoSD image has restorecon and no Python. Everybody's labelling follows the file from then on, a relabelling of the whole node included. Lines of others
/// stay as they are, byte for byte. Killed between two system calls the file is the old or the new one.
/// </remarks>
internal sealed class EquivalenceRules(NodeRoot root)
{
    /// <summary>What the slots are like.</summary>
    public const string Original = "/usr/lib/qm/rootfs";

    private const string FileName = "file_contexts.subs";
    private const string Beside = ".qm-fleet-subs.new";
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    // selinux_config(5): without a line of its own the policy is this one.
    private const string UsualPolicy = "targeted";

    /// <summary>Where the lines stand, from the node's root.</summary>
    public string Path => $"{Directory}/{FileName}";

    private string Directory => $"/etc/selinux/{Policy}/contexts/files";

    private string Policy => (root.ReadText("/etc/selinux/config") ?? "").Split('\n').Select(line => line.Trim())
        .LastOrDefault(line => line.StartsWith("SELINUXTYPE=", StringComparison.Ordinal))?["SELINUXTYPE=".Length..].Trim() is { Length: > 0 } policy
        && !policy.Contains('/', StringComparison.Ordinal) ? policy : UsualPolicy;

    /// <summary>The slots that have a line, by the names of their directories.</summary>
    /// <exception cref="NodeFileException">The file is there and cannot be read.</exception>
    public IReadOnlyList<string> Names => [.. Lines().Select(NameOf).OfType<string>()];

    /// <summary>Has lines for these directories below the slots' one, and for no other; writes only what differs.</summary>
    /// <exception cref="NodeFileException">The policy's directory is missing, or the disk refused; nothing has changed.</exception>
    public void Set(IReadOnlyCollection<string> names)
    {
        var lines = Lines();
        var wanted = lines.Where(line => NameOf(line) is not { } name || names.Contains(name))
            .Concat(names.Except(lines.Select(NameOf).OfType<string>()).Order(StringComparer.Ordinal).Select(name => $"{RootfsSlot.Directory}/{name} {Original}")).ToArray();
        if (wanted.SequenceEqual(lines))
        {
            return;
        }

        using var directory = root.OpenDirectory(Directory);
        DirectoryWriter.WriteBeside(root.Calls, directory, Beside, Encoding.UTF8.GetBytes(string.Concat(wanted.Select(line => line + "\n"))), Mode);
        root.Calls.Rename(directory, Beside, FileName);
        root.Calls.FlushDirectory(directory);
    }

    private string[] Lines() => root.ReadText(Path)?.TrimEnd('\n') is { Length: > 0 } text ? text.Split('\n') : [];

    // ALIAS ORIGINAL, separated by blanks.
    private static string? NameOf(string line) => line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries) is [var alias, _]
        && alias.StartsWith(RootfsSlot.Directory + "/", StringComparison.Ordinal) && alias[(RootfsSlot.Directory.Length + 1)..] is var name && !name.Contains('/', StringComparison.Ordinal) ? name : null;
}

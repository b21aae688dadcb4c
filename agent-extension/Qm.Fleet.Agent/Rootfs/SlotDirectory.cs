using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Labels;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>
/// The directory of the slots, <see cref="RootfsSlot.Directory"/>, mode 0700 so that no set-user-id program of a slot is within a host user's
/// reach:
/// <list type="table">
/// <item><term>&lt;sha256&gt;</term><description>A complete slot: it gets this name when everything of it is on the disk.</description></item>
/// <item><term>&lt;sha256&gt;.part</term><description>A download on its way.</description></item>
/// <item><term>&lt;sha256&gt;.partial</term><description>A slot being unpacked or removed; without meaning after a crash.</description></item>
/// </list>
/// Members throw <see cref="NodeFileException"/> when the disk refuses.
/// </summary>
internal sealed class SlotDirectory(NodeRoot root)
{
    public const string Part = ".part";
    public const string Partial = ".partial";
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The archives of the complete slots.</summary>
    public IReadOnlyList<string> Slots => [.. root.List(RootfsSlot.Directory).Where(RootfsSlot.IsDigest)];

    /// <summary>Whether an archive's slot is complete.</summary>
    public bool Has(string sha256) => Slots.Contains(sha256);

    /// <summary>The directory as a root of its own, made if need be.</summary>
    public NodeRoot Open()
    {
        DirectoryWriter.Ensure(root, RootfsSlot.Directory, Mode).Dispose();
        return root.Within(RootfsSlot.Directory);
    }

    /// <summary>Makes an empty directory for a slot to be unpacked into; what a crash left there is removed.</summary>
    public static NodeRoot Begin(NodeRoot slots, string sha256)
    {
        RemoveTree(slots, sha256 + Partial);
        using var directory = slots.OpenDirectory("/");
        slots.Calls.MakeDirectory(directory, sha256 + Partial, Mode);
        return slots.Within(sha256 + Partial);
    }

    /// <summary>Makes what was unpacked a slot: everything goes to the disk, then the name changes.</summary>
    public static void Complete(NodeRoot slots, string sha256)
    {
        using var directory = slots.OpenDirectory("/");
        slots.Calls.FlushFileSystem(directory);
        slots.Calls.Rename(directory, sha256 + Partial, sha256);
        slots.Calls.FlushDirectory(directory);
    }

    /// <summary>Removes every slot that is not to be kept, and what crashes left; names that are not ours stay.</summary>
    /// <param name="keep">Archives whose slots stay.</param>
    /// <param name="resume">The archive whose download will go on; empty for none.</param>
    /// <param name="labels">Has rules for slots, which go with them.</param>
    /// <returns>The archives whose slots were removed.</returns>
    public IReadOnlyList<string> Collect(IReadOnlySet<string> keep, string resume, FileLabels? labels = null)
    {
        var names = root.List(RootfsSlot.Directory);
        if (names.Count == 0)
        {
            return [];
        }

        labels?.Keep(names.Where(name => RootfsSlot.IsDigest(name) && keep.Contains(name)));
        using var slots = Open();
        using var directory = slots.OpenDirectory("/");
        string[] collected = [.. names.Where(name => RootfsSlot.IsDigest(name) && !keep.Contains(name))];
        foreach (var slot in collected)
        {
            // Half a slot must never have the name of a whole one.
            RemoveTree(slots, slot + Partial);
            slots.Calls.Rename(directory, slot, slot + Partial);
            slots.Calls.FlushDirectory(directory);
            RemoveTree(slots, slot + Partial);
        }

        foreach (var name in names)
        {
            if (name.EndsWith(Partial, StringComparison.Ordinal) && RootfsSlot.IsDigest(name[..^Partial.Length]))
            {
                RemoveTree(slots, name);
            }
            else if (name.EndsWith(Part, StringComparison.Ordinal) && RootfsSlot.IsDigest(name[..^Part.Length]) && name[..^Part.Length] != resume)
            {
                DirectoryWriter.TryDelete(slots.Calls, directory, name);
            }
        }

        return collected;
    }

    /// <summary>Removes a directory with everything below it; links are removed, not followed.</summary>
    public static void RemoveTree(NodeRoot slots, string name)
    {
        using var directory = slots.OpenDirectory("/");
        if (TreeCalls.Look(directory, name) is null)
        {
            return;
        }

        slots.Calls.RemoveTree(directory, name);
    }
}

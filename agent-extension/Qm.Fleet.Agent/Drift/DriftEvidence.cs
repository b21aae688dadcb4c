using System.Text;
using System.Text.Unicode;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Drift;

/// <summary>Tells what became of an owned file that is not as it was committed, with its content, so that a person sees what was changed.</summary>
internal static class DriftEvidence
{
    /// <summary>Most files that are told.</summary>
    public const int FilesMax = 50;

    /// <summary>Most bytes of a file's content that are told.</summary>
    public const int ContentBytesMax = 16 * 1024;

    /// <summary>One file.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="name">The workload's name or the safety unit's full name; empty for the other kinds.</param>
    /// <param name="path">Where it lies.</param>
    /// <param name="wasCommitted">Whether it was ever committed.</param>
    /// <param name="content">What is there; null when nothing is.</param>
    public static FileDrift Of(OwnedFileKind kind, string name, OwnedPath path, bool wasCommitted, byte[]? content)
    {
        var drift = new FileDrift
        {
            Kind = (V1.OwnedFile.Types.Kind)kind,
            Name = name,
            Path = path.Full,
            Change = content is null ? FileDrift.Types.Change.Removed : wasCommitted ? FileDrift.Types.Change.Edited : FileDrift.Types.Change.Added,
        };
        if (content is not null)
        {
            drift.Sha256 = OwnedTrees.Digest(content);
            // What people write by hand may hold what nobody should read in an event.
            if (Utf8.IsValid(content) && !content.Contains((byte)0))
            {
                drift.Content = Redactor.Redact(Encoding.UTF8.GetString(content.AsSpan(0, WholeCharacters(content)))).Text;
                drift.ContentIsCut = content.Length > ContentBytesMax;
            }
        }

        return drift;
    }

    private static int WholeCharacters(byte[] content)
    {
        var end = Math.Min(content.Length, ContentBytesMax);
        while (end < content.Length && end > 0 && (content[end] & 0xC0) == 0x80)
        {
            end--;
        }

        return end;
    }
}

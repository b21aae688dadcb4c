using System.Globalization;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.V1;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Tells people what somebody changed in an owned file by hand.</summary>
internal static class DriftText
{
    /// <summary>Most lines of a diff that are kept, and most characters of each.</summary>
    internal const int MaxLines = 60, MaxLineLength = 200;

    /// <summary>What became of a file, to follow its path.</summary>
    internal static string Tell(FileDrift.Types.Change change) => change switch
    {
        FileDrift.Types.Change.Edited => "was edited",
        FileDrift.Types.Change.Removed => "was removed",
        FileDrift.Types.Change.Added => "was added",
        _ => "was changed",
    };

    /// <summary>A sentence, and below it the change as a unified diff where both sides are known.</summary>
    /// <param name="drift">What was found.</param>
    /// <param name="committed">The revision that is in place on the node; null when its content is not known here.</param>
    internal static string Describe(FileDrift drift, RenderedRevision? committed)
    {
        var sentence = $"{drift.Path} {Tell(drift.Change)} by somebody else";
        var wanted = drift.Change == FileDrift.Types.Change.Added ? "" : committed?.Find(new((OwnedFileKind)drift.Kind, drift.Name))?.Content is { } content ? Redactor.Redact(content).Text : null;
        return wanted is null || (drift.Content.Length == 0 && drift.Change != FileDrift.Types.Change.Removed)
            ? $"{sentence}; its content is not shown, because {(wanted is null ? "the revision in place is not the one wanted" : "it is empty or no text")}"
            : $"{sentence}\n{Diff(drift, Align(wanted, drift.Content))}";
    }

    private static string Diff(FileDrift drift, string wanted)
    {
        var lines = UnifiedDiff.Lines(wanted, drift.Content, $"revision{drift.Path}", $"node{drift.Path}");
        var kept = lines.Take(MaxLines).Select(line => line.Length > MaxLineLength ? line[..MaxLineLength] + "..." : line);
        var left = lines.Length > MaxLines ? string.Create(CultureInfo.InvariantCulture, $"\n... {lines.Length - MaxLines} more lines") : "";
        return string.Join('\n', kept) + left + (drift.ContentIsCut ? "\n... and the file is longer than what is compared" : "");
    }

    // A secret that the node did not tell is no change.
    private static string Align(string wanted, string found)
    {
        var redacted = found.Split('\n').Where(line => line.Contains(Redactor.Mark, StringComparison.Ordinal))
            .Select(line => (Line: line, Before: line[..line.IndexOf(Redactor.Mark, StringComparison.Ordinal)])).Where(entry => entry.Before.Length > 0).ToArray();
        return redacted.Length == 0 ? wanted : string.Join('\n', wanted.Split('\n')
            .Select(line => redacted.FirstOrDefault(entry => line.StartsWith(entry.Before, StringComparison.Ordinal)).Line ?? line));
    }
}

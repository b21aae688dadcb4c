using System.Globalization;
using Qm.Fleet.Agent.Effective;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>Whether the containers of a revision could have their OOM scores on this node: only the node knows which file has the last word on QM's, which they inherit.</summary>
internal static class ScoreChecks
{
    private const string Key = "OOMScoreAdjust";

    /// <summary>Looks at them; tells all problems at once.</summary>
    /// <param name="root">The node.</param>
    /// <param name="files">The files of the revision.</param>
    /// <param name="quadlet">The quadlet as it would be.</param>
    /// <exception cref="CommandRefusedException">OomOrder, or InvalidFile: what would be QM's containers.conf is none.</exception>
    public static void Check(NodeRoot root, IReadOnlyList<OwnedFile> files, QuadletSources quadlet)
    {
        KeyValuePair<string, int>[] asked = [.. files.SelectMany(Asked)];
        if (asked.Length == 0)
        {
            return;
        }

        var (qm, setBy) = OfQm(root, quadlet);
        string[] problems = [.. InheritedScore.Problems(qm, setBy, asked)];
        if (problems.Length > 0)
        {
            throw new CommandRefusedException("OomOrder", FormattableString.Invariant($"{string.Join("; ", problems)}. Ask for more than {qm}, or have QM's score lowered where it is set."));
        }
    }

    // What cannot be read is told by every report, and is not held against the revision.
    private static (int Score, string SetBy) OfQm(NodeRoot root, QuadletSources quadlet)
    {
        var dropIns = new EffectiveFiles(root, new(root)).DropIns(UnitSearch.UnitDropInDirectories(QmNode.Unit), isSystemd: true).Select(file => UnitFile.Parse(file.Text, file.Path));
        var unit = UnitFileMerger.Merge(new UnitFile(quadlet.Main.Path, quadlet.Merge().Entries, []), dropIns);
        // A value that systemd cannot read it leaves out, and an empty one takes back what stands before it.
        var last = unit.Entries.LastOrDefault(entry => entry is { Section: "Service", Key: Key } && (entry.Value.Length == 0 || Number(entry.Value) is not null));
        return last is null ? (0, "") : (Number(last.Value) ?? 0, last.Origin);
    }

    private static IEnumerable<KeyValuePair<string, int>> Asked(OwnedFile file) => (file.Kind switch
    {
        OwnedFileKind.Workload => Number(OomSources.Argument(UnitFile.Parse(file.Content, file.Name))),
        OwnedFileKind.QmContainersConf => Nested(file.Content),
        _ => null,
    }) is { } score ? [new(file.Kind == OwnedFileKind.Workload ? $"{file.Name}.container" : "the default of containers inside QM", score)] : [];

    private static int? Nested(string text)
    {
        try
        {
            return NestedDefault.Parse(text);
        }
        catch (ContainersConfException e)
        {
            throw new CommandRefusedException("InvalidFile", $"The file for QM's containers.conf.d is no TOML, and no Podman inside QM would start with it: {AllowList.Printable(e.Message)}");
        }
    }

    private static int? Number(string? text) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var score) ? score : null;
}

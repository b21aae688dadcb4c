using System.Globalization;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Units;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Which file sets the OOM score of what was found.</summary>
internal static class OomSources
{
    private const string Key = "OOMScoreAdjust";
    private const string Option = "--oom-score-adj";
    private const string Administrators = "/etc/systemd/system";
    private static readonly string[] UnitPaths = [Administrators, "/run/systemd/system", "/usr/lib/systemd/system"];

    /// <summary>Reads QM's quadlet, the quadlets of the containers inside it, and the safety units' files.</summary>
    /// <param name="findings">Reads, and notes what cannot be read.</param>
    /// <param name="quadlet">QM's quadlet; null when there is none.</param>
    /// <param name="qmEtc">QM's <c>/etc</c> on the host; null when unknown.</param>
    /// <param name="nestedDefault">What containers inside QM get, and the file that says so; null when none does.</param>
    /// <param name="found">The units whose files are looked for.</param>
    public static IEnumerable<OomSource> Read(Findings findings, QuadletSources? quadlet, string? qmEtc, (string File, int Score)? nestedDefault, OomFindings found)
    {
        // A drop-in of the generated unit comes after everything that Podman merges into it.
        var ofQm = Last(findings, [], QmNode.Unit) ?? quadlet?.Merge().Last("Service", Key);
        if (ofQm is not null && Source(QmNode.Unit, ofQm.Value, ofQm.Origin) is { } qm)
        {
            yield return qm;
        }

        foreach (var unit in found.Nested.Select(process => process.Unit).Distinct())
        {
            var path = $"/containers/systemd/{Path.GetFileNameWithoutExtension(unit)}.container";
            var text = qmEtc is null || !unit.EndsWith(".service", StringComparison.Ordinal) ? null : findings.Text(qmEtc, path);
            if (text is not null && Argument(UnitFile.Parse(text, path)) is { } own && Source(unit, own, qmEtc + path) is { } set)
            {
                yield return set;
            }
            else if (nestedDefault is { } inherited)
            {
                yield return new() { Unit = unit, File = inherited.File, Score = inherited.Score };
            }
        }

        foreach (var unit in found.Asil.Select(process => process.Unit).Distinct())
        {
            if (Last(findings, UnitPaths, unit) is { } entry && Source(unit, entry.Value, entry.Origin) is { } set)
            {
                yield return set;
            }
        }
    }

    // Of the unit's own file, the first found counts; of its drop-ins, the last by name that sets it.
    private static UnitEntry? Last(Findings findings, IEnumerable<string> directories, string unit)
    {
        var main = directories.Select(directory => $"{directory}/{unit}").Select(path => (Path: path, Text: findings.Text(path))).FirstOrDefault(file => file.Text is not null);
        var dropIns = findings.Names($"{Administrators}/{unit}.d").Where(name => name.EndsWith(".conf", StringComparison.Ordinal))
            .Select(name => $"{Administrators}/{unit}.d/{name}").Select(path => UnitFile.Parse(findings.Text(path) ?? "", path));
        return UnitFileMerger.Merge(UnitFile.Parse(main.Text ?? "", main.Path ?? ""), dropIns).Last("Service", Key);
    }

    /// <summary>What a container's quadlet asks Podman for; null when it leaves that to the default.</summary>
    public static string? Argument(UnitFile quadlet)
    {
        string[] words = [.. quadlet.Entries.Where(entry => entry is { Section: "Container", Key: "PodmanArgs" }).SelectMany(entry => entry.Value.Split([' ', '='], StringSplitOptions.RemoveEmptyEntries))];
        var at = Array.LastIndexOf(words, Option);
        return at >= 0 && at + 1 < words.Length ? words[at + 1] : null;
    }

    private static OomSource? Source(string unit, string value, string file) =>
        int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var score) ? new() { Unit = unit, File = file, Score = score } : null;
}

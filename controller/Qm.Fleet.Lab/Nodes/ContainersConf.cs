using System.Globalization;
using System.Text.RegularExpressions;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>The one setting of containers.conf(5) that the emulated podman acts on.</summary>
internal static partial class ContainersConf
{
    /// <summary>The <c>oom_score_adj</c> of <c>[containers]</c> in <c>containers.conf</c> and its drop-ins below a directory, the last by file name winning.</summary>
    public static int? OomScoreAdjust(string directory)
    {
        var dropIns = Path.Combine(directory, "containers.conf.d");
        var files = Directory.Exists(dropIns) ? Directory.GetFiles(dropIns, "*.conf").Order(StringComparer.Ordinal) : Enumerable.Empty<string>();
        int? score = null;
        foreach (var file in files.Prepend(Path.Combine(directory, "containers.conf")).Where(File.Exists))
        {
            var table = "";
            foreach (var line in File.ReadLines(file).Select(line => line.Trim()))
            {
                if (line.StartsWith('['))
                {
                    table = line.Trim('[', ']');
                }
                else if (table == "containers" && Score().Match(line) is { Success: true } match)
                {
                    score = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
                }
            }
        }

        return score;
    }

    [GeneratedRegex(@"^oom_score_adj\s*=\s*(-?\d+)\s*(#.*)?$")]
    private static partial Regex Score();
}

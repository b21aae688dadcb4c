using System.Text;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Reads systemd's <c>Environment=</c> lines: assignments separated by blanks, each in optional quotes.</summary>
internal static class EnvironmentLines
{
    /// <summary>Name -> value; of equal names the last wins.</summary>
    public static IReadOnlyDictionary<string, string> Parse(IEnumerable<string> lines)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var assignment in lines.SelectMany(Words))
        {
            if (assignment.IndexOf('=') is > 0 and var equals)
            {
                values[assignment[..equals]] = assignment[(equals + 1)..];
            }
        }

        return values;
    }

    private static IEnumerable<string> Words(string line)
    {
        var word = new StringBuilder();
        var (quote, started) = ('\0', false);
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '\\' && quote != '\'' && i + 1 < line.Length)
            {
                word.Append(line[++i]);
            }
            else if (quote != '\0' ? c == quote : c is '"' or '\'')
            {
                (quote, started) = (quote == '\0' ? c : '\0', true);
            }
            else if (quote == '\0' && (c is ' ' or '\t'))
            {
                if (started || word.Length > 0)
                {
                    yield return word.ToString();
                }

                word.Clear();
                started = false;
            }
            else
            {
                word.Append(c);
            }
        }

        if (started || word.Length > 0)
        {
            yield return word.ToString();
        }
    }
}

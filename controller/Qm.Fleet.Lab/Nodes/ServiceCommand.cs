using System.Globalization;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>What a command of a unit file does: <c>true</c>, <c>false</c> and <c>sleep</c> as their names say, any other program runs on.</summary>
/// <param name="Runs">For how long; null for ever.</param>
/// <param name="ExitStatus">How it ends.</param>
internal sealed record ServiceCommand(TimeSpan? Runs, int ExitStatus)
{
    private const string Prefixes = "@-:+!";

    /// <summary>Reads a command line of systemd.service(5); a leading <c>-</c> makes any exit status well.</summary>
    public static ServiceCommand Parse(string line)
    {
        var words = line.TrimStart(Prefixes.ToCharArray()).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var command = (Path.GetFileName(words.FirstOrDefault("")), words) switch
        {
            ("true", _) => new ServiceCommand(TimeSpan.Zero, 0),
            ("false", _) => new(TimeSpan.Zero, 1),
            ("sleep", [_, var text]) when decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) =>
                new(TimeSpan.FromSeconds((double)seconds), 0),
            _ => new(null, 0),
        };
        var ignoresFailure = line[..(line.Length - line.TrimStart(Prefixes.ToCharArray()).Length)].Contains('-', StringComparison.Ordinal);
        return ignoresFailure ? command with { ExitStatus = 0 } : command;
    }
}

using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace Qm.Fleet.Core.Tests.Units;

/// <summary>What the machine's own systemd says about the text of a service: the judge of our reading of its grammar.</summary>
internal static partial class SystemdAnalyze
{
    // Ends whatever stands before it, is wrong everywhere, and so shows that systemd read the text to its end.
    private const string Sentinel = "\n\n[Service]\nNice=sentinel\n";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    /// <summary>Its complaints about a service, in the order of the text; skips the test where systemd cannot judge.</summary>
    /// <param name="text">The service; it is completed so that nothing else is wrong with it.</param>
    /// <returns>The line as systemd counts it, which is where a continued line ends, and its words.</returns>
    public static IReadOnlyList<(int Line, string Message)> Judge(string text)
    {
        var folder = Directory.CreateTempSubdirectory("qm-fleet-systemd-");
        try
        {
            var file = Path.Combine(folder.FullName, "probe.service");
            File.WriteAllText(file, text + Sentinel + "Type=oneshot\nExecStart=/bin/true\n");
            var output = Run(["verify", "--man=no", file]);
            var complaints = Complaint().Matches(output)
                .Select(match => (int.Parse(match.Groups["line"].ValueSpan, provider: null), match.Groups["message"].Value))
                .ToList();
            if (complaints is not [.., var (_, last)] || !last.Contains("'sentinel'", StringComparison.Ordinal))
            {
                Assert.Skip($"systemd-analyze verify does not judge units on this machine; it said: {output}");
            }

            return complaints[..^1];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Where it looks for the units of the system, the strongest directory first; skips the test where it does not say.</summary>
    public static IReadOnlyList<string> UnitPaths() => Run(["unit-paths"], isError: false).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The files that it reads a unit from, in the order in which it reads them; skips the test where systemd cannot judge.</summary>
    /// <param name="main">The unit, which stands in a directory of the search path that has no drop-ins.</param>
    /// <param name="searchPath">Directories of units, the strongest first.</param>
    /// <remarks>A file counts when it holds a Nice= that is wrong.</remarks>
    public static IReadOnlyList<string> FilesRead(string main, IEnumerable<string> searchPath)
    {
        File.WriteAllText(main, "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/true\nNice=sentinel\n");
        var output = Run(["verify", "--man=no", main], unitPath: string.Join(':', searchPath));
        var read = WrongNice().Matches(output).Select(match => match.Groups["path"].Value).ToList();
        if (read is not [var first, ..] || first != main)
        {
            Assert.Skip($"systemd-analyze verify does not judge units on this machine; it said: {output}");
        }

        return read[1..];
    }

    private static string Run(string[] arguments, bool isError = true, string unitPath = "")
    {
        var start = new ProcessStartInfo("systemd-analyze", arguments)
        {
            RedirectStandardError = isError,
            RedirectStandardOutput = !isError,
            Environment = { ["LC_ALL"] = "C", ["SYSTEMD_UNIT_PATH"] = unitPath.Length > 0 ? unitPath : null },
        };
        try
        {
            using var process = Process.Start(start)!;
            var output = (isError ? process.StandardError : process.StandardOutput).ReadToEndAsync();
            if (!output.Wait(Deadline))
            {
                process.Kill();
                Assert.Skip($"systemd-analyze {arguments[0]} did not answer within {Deadline.TotalSeconds} s");
            }

            return output.Result;
        }
        catch (Win32Exception error)
        {
            Assert.Skip($"systemd-analyze is not installed: {error.Message}");
            throw;
        }
    }

    [GeneratedRegex(@"^\S*probe\.service:(?<line>\d+): (?<message>.*)$", RegexOptions.Multiline)]
    private static partial Regex Complaint();

    [GeneratedRegex(@"^(?<path>/.*):\d+: Failed to parse nice priority", RegexOptions.Multiline)]
    private static partial Regex WrongNice();
}

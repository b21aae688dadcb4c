using System.Globalization;

namespace Qm.Fleet.Cli.Manifests;

/// <summary>Tells a person everything that is wrong with manifests.</summary>
internal static class ProblemReport
{
    /// <summary>The most problems told of one file; a file with more of them is wrong as a whole.</summary>
    internal const int MaxShown = 100;

    /// <summary>A headline for each file that has problems, then a line for each, by line.</summary>
    /// <param name="files">Which to tell of.</param>
    /// <param name="outcome">What came of it, such as "nothing was stored".</param>
    internal static IEnumerable<string> Lines(IEnumerable<ManifestFile> files, string outcome) =>
        files.Where(file => file.Problems.Count > 0).SelectMany(file => Lines(file, outcome));

    private static IEnumerable<string> Lines(ManifestFile file, string outcome)
    {
        if (file.Problems is [{ Line: 0 } whole])
        {
            yield return $"{file.Name}: {whole.Message}; {outcome}";
            yield break;
        }

        var problems = file.Problems.Distinct().OrderBy(problem => problem.Line).ThenBy(problem => problem.Path, StringComparer.Ordinal).ToArray();
        yield return string.Create(CultureInfo.InvariantCulture, $"{file.Name}: {problems.Length} {(problems.Length == 1 ? "problem" : "problems")}, {outcome}");
        foreach (var problem in problems.Take(MaxShown))
        {
            var document = file.Documents > 1 ? string.Create(CultureInfo.InvariantCulture, $"document {problem.Document}, ") : "";
            var path = problem.Path.Length == 0 ? "" : problem.Path + ": ";
            yield return string.Create(CultureInfo.InvariantCulture, $"  {document}line {problem.Line}  {path}{problem.Message}");
        }

        if (problems.Length > MaxShown)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"  and {problems.Length - MaxShown} more");
        }
    }
}

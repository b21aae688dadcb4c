namespace Qm.Fleet.Cli.Manifests;

/// <summary>Something wrong with a manifest.</summary>
/// <param name="Document">Which document of the file, from 1.</param>
/// <param name="Line">Where, from 1; 0 when it is about the whole file.</param>
/// <param name="Path">The field; empty when it is about none.</param>
/// <param name="Message">What is wrong, and what was expected.</param>
internal sealed record ManifestProblem(int Document, int Line, string Path, string Message)
{
    /// <summary>Whether a field is the one of this problem, or lies below it.</summary>
    internal bool Covers(string path) =>
        Path.Length > 0 && path.StartsWith(Path, StringComparison.Ordinal) && (path.Length == Path.Length || path[Path.Length] is '.' or '[');
}

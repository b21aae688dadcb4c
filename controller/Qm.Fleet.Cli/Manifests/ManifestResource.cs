using Google.Protobuf;

namespace Qm.Fleet.Cli.Manifests;

/// <summary>One resource of a manifest.</summary>
/// <param name="File">The file it stands in.</param>
/// <param name="Document">Which document of the file, from 1.</param>
/// <param name="Kind">Fleet or Node.</param>
/// <param name="Name">metadata.name; empty when it was forgotten.</param>
/// <param name="Message">What the server is sent; what was wrong is left out.</param>
/// <param name="Lines">Path of every field to its line.</param>
internal sealed record ManifestResource(
    ManifestFile File, int Document, string Kind, string Name, IMessage Message, IReadOnlyDictionary<string, int> Lines)
{
    /// <summary>The line of a path, or of the nearest field above it that stands in the file.</summary>
    internal int LineOf(string path)
    {
        while (path.Length > 0)
        {
            if (Lines.TryGetValue(path, out var line))
            {
                return line;
            }

            path = path[..Math.Max(0, path.LastIndexOfAny(['.', '[']))];
        }

        return Lines.GetValueOrDefault("", 1);
    }

    /// <summary>Adds what the server objects to, unless the file's own reader objected to the same field or one above it.</summary>
    internal void Object(string path, string message)
    {
        if (!File.Problems.Any(problem => problem.Document == Document && problem.Covers(path)))
        {
            File.Problems.Add(new(Document, LineOf(path), path, message));
        }
    }
}

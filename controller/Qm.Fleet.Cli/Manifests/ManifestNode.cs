namespace Qm.Fleet.Cli.Manifests;

/// <summary>A piece of a manifest with the line it begins on, from 1.</summary>
internal abstract record ManifestNode(int Line)
{
    /// <summary>Text; plain when it stood without quotes, so that it may be a number or a truth value.</summary>
    internal sealed record Scalar(string Text, bool IsPlain, int Line) : ManifestNode(Line)
    {
        internal bool IsNull => IsPlain && Text is "" or "~" or "null";
    }

    internal sealed record Sequence(IReadOnlyList<ManifestNode> Items, int Line) : ManifestNode(Line);

    internal sealed record Mapping(IReadOnlyList<(Scalar Key, ManifestNode Value)> Entries, int Line) : ManifestNode(Line)
    {
        internal ManifestNode? Find(string key) => Entries.FirstOrDefault(entry => entry.Key.Text == key).Value;
    }
}

/// <summary>Something wrong with a manifest.</summary>
/// <param name="Document">Which document of the file, from 1.</param>
/// <param name="Line">Where, from 1.</param>
/// <param name="Path">The field; empty when it is about the file.</param>
/// <param name="Message">What is wrong, and what was expected.</param>
internal sealed record ManifestProblem(int Document, int Line, string Path, string Message);

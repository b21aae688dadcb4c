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

    /// <summary>Keys are different from each other, and stand in the order of the file.</summary>
    internal sealed record Mapping(IReadOnlyList<(Scalar Key, ManifestNode Value)> Entries, int Line) : ManifestNode(Line)
    {
        internal ManifestNode? Find(string key) => Entries.FirstOrDefault(entry => entry.Key.Text == key).Value;
    }
}

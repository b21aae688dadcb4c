using Google.Protobuf.Reflection;

namespace Qm.Fleet.Cli.Manifests;

/// <summary>Which fields a manifest may hold, and what to say of another.</summary>
internal static class KnownFields
{
    private static readonly string[] ServerFields = ["status", "metadata.uid", "metadata.generation", "metadata.createdAt"];

    /// <summary>What a document says about itself, beside the fields of its message.</summary>
    internal static readonly string[] Envelope = ["apiVersion", "kind"];

    /// <summary>Whether the server alone writes a field.</summary>
    internal static bool IsOfServer(string path) => ServerFields.Contains(path);

    /// <summary>The fields of the message at a path that people write.</summary>
    internal static IEnumerable<string> Of(MessageDescriptor descriptor, string path) => (path.Length == 0 ? Envelope : [])
        .Concat(descriptor.Fields.InDeclarationOrder().Select(field => field.JsonName).Where(name => !IsOfServer(FieldPath.Of(path, name))));

    /// <summary>Says that there is no such field, which one may be meant, and which there are.</summary>
    internal static string Refuse(string name, MessageDescriptor descriptor, string path)
    {
        var known = Of(descriptor, path).ToArray();
        if (known.Length == 0)
        {
            return "no such field; it has none";
        }

        var nearest = name.Length <= 64 ? known.MinBy(candidate => Distance(name, candidate)) : null;
        var hint = nearest is not null && Distance(name, nearest) <= Math.Max(2, name.Length / 3) ? $"did you mean {nearest}? " : "";
        return $"no such field; {hint}known are {string.Join(", ", known)}";
    }

    // Levenshtein, ignoring case: what a hurried finger does to a name.
    private static int Distance(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var same = char.ToUpperInvariant(left[i - 1]) == char.ToUpperInvariant(right[j - 1]) ? 0 : 1;
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + same));
            }
        }

        return row[^1];
    }
}

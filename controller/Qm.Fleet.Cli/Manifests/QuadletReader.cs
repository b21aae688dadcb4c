using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace Qm.Fleet.Cli.Manifests;

/// <summary>Reads a quadlet: sections, their keys, and for each key a text or, where it repeats, a list of texts.</summary>
/// <remarks>Values of a unit file are text, whatever YAML would make of them: <c>no</c> and <c>0755</c> stay as they stand.</remarks>
internal sealed class QuadletReader(Action<int, string, string> note, Dictionary<string, int> lines)
{
    internal Struct? Read(ManifestNode node, string path) =>
        Fields(node, path, "expected sections such as Container, with keys below them, indented", Section);

    private Value? Section(ManifestNode node, string path) =>
        Fields(node, path, "expected keys below the section, indented", Entry) is { } section ? Value.ForStruct(section) : null;

    private Value? Entry(ManifestNode node, string path) => node switch
    {
        ManifestNode.Scalar scalar => Value.ForString(scalar.Text),
        ManifestNode.Sequence list => Value.ForList([.. list.Items.Select((item, index) => Item(item, string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]")))]),
        _ => Refuse(node, path, "expected a text, or a list of texts"),
    };

    private Value Item(ManifestNode node, string path) =>
        node is ManifestNode.Scalar scalar ? Value.ForString(scalar.Text) : Refuse(node, path, "expected a text") ?? Value.ForString("");

    private Struct? Fields(ManifestNode node, string path, string expected, Func<ManifestNode, string, Value?> read)
    {
        if (node is not ManifestNode.Mapping mapping)
        {
            note(node.Line, path, expected);
            return null;
        }

        var fields = new Struct();
        foreach (var (key, value) in mapping.Entries)
        {
            var at = FieldPath.Of(path, key.Text);
            lines[at] = key.Line;
            if (read(value, at) is { } known)
            {
                fields.Fields[key.Text] = known;
            }
        }

        return fields;
    }

    private Value? Refuse(ManifestNode node, string path, string expected)
    {
        note(node.Line, path, expected);
        return null;
    }
}

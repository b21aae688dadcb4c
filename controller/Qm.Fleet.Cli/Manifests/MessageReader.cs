using System.Collections;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Qm.Fleet.Cli.Manifests;

/// <summary>Fills a message from a tree, field by field of its descriptor, noting every problem and where every field stands.</summary>
internal sealed class MessageReader(int document, List<ManifestProblem> problems, Dictionary<string, int> lines)
{
    /// <summary>Fills a message; what is wrong is left out and noted.</summary>
    internal void Fill(IMessage message, ManifestNode node, string path)
    {
        lines[path] = node.Line;
        if (node is ManifestNode.Scalar { IsNull: true })
        {
            return;
        }

        if (node is not ManifestNode.Mapping mapping)
        {
            Note(node.Line, path, "expected fields below it, indented");
            return;
        }

        foreach (var (key, value) in mapping.Entries)
        {
            var at = path.Length == 0 ? key.Text : $"{path}.{key.Text}";
            lines[at] = key.Line;
            var field = message.Descriptor.Fields.InDeclarationOrder().FirstOrDefault(candidate => candidate.JsonName == key.Text);
            if (field is null)
            {
                Note(key.Line, at, Unknown(key.Text, message.Descriptor));
            }
            else if (value is not ManifestNode.Scalar { IsNull: true } || IsEmptyMessage(field))
            {
                Set(message, field, value, at);
            }
        }
    }

    // `preinstalled:` says as much as `preinstalled: {}`.
    private static bool IsEmptyMessage(FieldDescriptor field) =>
        !field.IsRepeated && field.FieldType == FieldType.Message && field.MessageType.Fields.InDeclarationOrder().Count == 0;

    private void Set(IMessage message, FieldDescriptor field, ManifestNode node, string path)
    {
        if (field.IsMap)
        {
            FillMap((IDictionary)field.Accessor.GetValue(message), field.MessageType.FindFieldByNumber(2), node, path);
        }
        else if (field.IsRepeated)
        {
            FillList((IList)field.Accessor.GetValue(message), field, node, path);
        }
        else if (Read(field, node, path) is { } value)
        {
            if (field.ContainingOneof is { IsSynthetic: false } choice && choice.Accessor.GetCaseFieldDescriptor(message) is { } other)
            {
                Note(node.Line, path, $"only one of {other.JsonName} and {field.JsonName} can be given");
            }
            else
            {
                field.Accessor.SetValue(message, value);
            }
        }
    }

    private void FillMap(IDictionary map, FieldDescriptor valueField, ManifestNode node, string path)
    {
        if (node is not ManifestNode.Mapping mapping)
        {
            Note(node.Line, path, "expected names with values below it, indented");
            return;
        }

        foreach (var (key, value) in mapping.Entries)
        {
            var at = $"{path}.{key.Text}";
            lines[at] = lines[$"{path}[{key.Text}]"] = key.Line;
            if (Read(valueField, value, at) is { } read)
            {
                map[key.Text] = read;
            }
        }
    }

    private void FillList(IList list, FieldDescriptor field, ManifestNode node, string path)
    {
        if (node is not ManifestNode.Sequence sequence)
        {
            Note(node.Line, path, "expected a list, each item after '- '");
            return;
        }

        for (var index = 0; index < sequence.Items.Count; index++)
        {
            var at = $"{path}[{index}]";
            lines[at] = sequence.Items[index].Line;
            if (Read(field, sequence.Items[index], at) is { } read)
            {
                list.Add(read);
            }
        }
    }

    private object? Read(FieldDescriptor field, ManifestNode node, string path)
    {
        if (field.FieldType == FieldType.Message)
        {
            if (field.MessageType.FullName == Struct.Descriptor.FullName)
            {
                return ReadStruct(node, path);
            }

            var child = field.MessageType.Parser.ParseFrom(ByteString.Empty);
            Fill(child, node, path);
            return child;
        }

        if (node is not ManifestNode.Scalar scalar)
        {
            Note(node.Line, path, "expected a single value");
            return null;
        }

        return field.FieldType switch
        {
            FieldType.String => scalar.Text,
            FieldType.Int32 when int.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
            FieldType.Bool when scalar.Text is "true" or "false" => scalar.Text == "true",
            FieldType.Int32 => Wrong("a whole number"),
            FieldType.Bool => Wrong("true or false"),
            _ => Wrong($"a {field.FieldType}"),
        };

        object? Wrong(string expected)
        {
            Note(scalar.Line, path, $"\"{scalar.Text}\" is not {expected}");
            return null;
        }
    }

    // Sections, keys and values of a unit file are text, whatever YAML would make of them.
    private Struct? ReadStruct(ManifestNode node, string path)
    {
        if (node is not ManifestNode.Mapping mapping)
        {
            Note(node.Line, path, "expected sections below it, indented");
            return null;
        }

        var result = new Struct();
        foreach (var (key, value) in mapping.Entries)
        {
            var at = $"{path}.{key.Text}";
            lines[at] = key.Line;
            result.Fields[key.Text] = value switch
            {
                ManifestNode.Scalar scalar => Value.ForString(scalar.Text),
                ManifestNode.Sequence list => Value.ForList([.. list.Items.Select(item => Value.ForString(TextOf(item, at)))]),
                _ => Value.ForStruct(ReadStruct(value, at) ?? new()),
            };
        }

        return result;
    }

    private string TextOf(ManifestNode node, string path)
    {
        if (node is ManifestNode.Scalar scalar)
        {
            return scalar.Text;
        }

        Note(node.Line, path, "expected a list of single values");
        return "";
    }

    private void Note(int line, string path, string message) => problems.Add(new(document, line, path, message));

    internal static string Unknown(string name, MessageDescriptor descriptor)
    {
        var known = descriptor.Fields.InDeclarationOrder().Select(field => field.JsonName).ToArray();
        var nearest = known.OrderBy(candidate => Distance(name, candidate)).FirstOrDefault();
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

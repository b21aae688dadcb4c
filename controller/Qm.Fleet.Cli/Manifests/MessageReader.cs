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
        lines.TryAdd(path, node.Line);
        if (node is ManifestNode.Scalar { IsNull: true })
        {
            return;
        }

        if (node is not ManifestNode.Mapping mapping)
        {
            Note(node.Line, path, $"expected fields below it, indented; known are {string.Join(", ", KnownFields.Of(message.Descriptor, path))}");
            return;
        }

        foreach (var (key, value) in mapping.Entries)
        {
            if (path.Length == 0 && KnownFields.Envelope.Contains(key.Text))
            {
                continue;
            }

            var at = FieldPath.Of(path, key.Text);
            lines[at] = key.Line;
            var field = message.Descriptor.Fields.InDeclarationOrder().FirstOrDefault(candidate => candidate.JsonName == key.Text);
            if (field is null)
            {
                Note(key.Line, at, KnownFields.Refuse(key.Text, message.Descriptor, path));
            }
            else if (KnownFields.IsOfServer(at))
            {
                Note(key.Line, at, "is set by the server; leave it out");
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
        else if (field.ContainingOneof is { IsSynthetic: false } choice && choice.Accessor.GetCaseFieldDescriptor(message) is { } other)
        {
            Note(lines[path], path, $"only one of {other.JsonName} and {field.JsonName} can be given");
        }
        else if (Read(field, node, path) is { } value)
        {
            field.Accessor.SetValue(message, value);
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
            var at = FieldPath.Entry(path, key.Text);
            lines[at] = key.Line;
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
            var at = string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]");
            lines[at] = sequence.Items[index].Line;

            // An item that cannot be read keeps its place, so that the server's numbers stay those of the file.
            list.Add(Read(field, sequence.Items[index], at) ?? Empty(field));
        }
    }

    private object? Read(FieldDescriptor field, ManifestNode node, string path)
    {
        if (field.FieldType == FieldType.Message)
        {
            if (field.MessageType.FullName == Struct.Descriptor.FullName)
            {
                return new QuadletReader(Note, lines).Read(node, path);
            }

            var child = (IMessage)Empty(field);
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
            FieldType.Int32 => Wrong($"a whole number from {int.MinValue} to {int.MaxValue}"),
            FieldType.Bool => Wrong("true or false"),
            var other => throw new NotSupportedException($"{field.FullName}: manifests have no reader for {other}"),
        };

        object? Wrong(string expected)
        {
            Note(scalar.Line, path, $"\"{scalar.Text}\" is not {expected}");
            return null;
        }
    }

    private static object Empty(FieldDescriptor field) =>
        field.FieldType == FieldType.Message ? field.MessageType.Parser.ParseFrom(ByteString.Empty) : "";

    private void Note(int line, string path, string message) => problems.Add(new(document, line, path, message));
}

using Google.Protobuf.Collections;
using Google.Protobuf.Reflection;
using Qm.Fleet.Cli.Kinds;

namespace Qm.Fleet.Cli.Explanations;

/// <summary>Every field of the API's resources with its comment, as the protos have them.</summary>
internal sealed class FieldTree
{
    private const string Resource = "qm.fleet.protoset";
    private const int Messages = 4;
    private const int Enums = 5;

    private readonly Dictionary<string, ExplainedMessage> _messages = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ExplainedEnum> _enums = new(StringComparer.Ordinal);

    /// <summary>Reads what the build made of the protos.</summary>
    internal static FieldTree Load()
    {
        using var stream = typeof(FieldTree).Assembly.GetManifestResourceStream(Resource)!;
        var tree = new FieldTree();
        foreach (var file in FileDescriptorSet.Parser.ParseFrom(stream).File)
        {
            var comments = (file.SourceCodeInfo?.Location ?? []).Where(location => location.HasLeadingComments)
                .ToDictionary(location => string.Join('.', location.Path), location => location.LeadingComments.Trim(), StringComparer.Ordinal);
            tree.Add(file.MessageType, file.EnumType, "." + file.Package, "", Messages, Enums, comments);
        }

        return tree;
    }

    /// <summary>The message or field that a path such as fleet.spec.rollout names.</summary>
    /// <exception cref="CliException">There is none; with those there are.</exception>
    internal Explanation Find(string path)
    {
        var words = path.Split(['.', '/']);
        var kind = ResourceKind.Find(words[0]) ?? throw new CliException(ExitCode.NotFound,
            $"explain {words[0]}: no such resource; known are {string.Join(", ", ResourceKind.All.Select(known => known.Name))}");
        var message = OfKind(kind);
        var found = new Explanation(kind.Name, message.Comment, message.Name, message, null);
        foreach (var word in words.Skip(1))
        {
            var field = found.Message?.Fields.FirstOrDefault(candidate => string.Equals(candidate.Name, word, StringComparison.OrdinalIgnoreCase))
                ?? throw new CliException(ExitCode.NotFound, found.Message is { } above
                    ? $"explain {path}: {found.Path} has no field {word}; known are {string.Join(", ", above.Fields.Select(known => known.Name))}"
                    : $"explain {path}: {found.Path} is {found.Type} and has no fields");
            found = new($"{found.Path}.{field.Name}", field.Comment, field.Type, Below(field), field.EnumName is { } values ? _enums[values] : null);
        }

        return found;
    }

    /// <summary>The message that a field holds, whole or as values of a list or map; null for a single value.</summary>
    internal ExplainedMessage? Below(ExplainedField field) => field.MessageName is { } name ? _messages.GetValueOrDefault(name) : null;

    /// <summary>Paths that begin so, a step further.</summary>
    internal IReadOnlyList<string> Complete(string typed)
    {
        var dot = typed.LastIndexOf('.');
        if (dot < 0)
        {
            return [.. ResourceKind.All.Select(kind => kind.Name)];
        }

        return [.. Find(typed[..dot]).Message?.Fields.Select(field => $"{typed[..dot]}.{field.Name}") ?? []];
    }

    private ExplainedMessage OfKind(ResourceKind kind) => _messages[$".qm.fleet.v1.{char.ToUpperInvariant(kind.Name[0])}{kind.Name[1..]}"];

    // Numbers of descriptor.proto: where a definition stands in its file is the path of its comment.
    private void Add(
        RepeatedField<DescriptorProto> messages, RepeatedField<EnumDescriptorProto> enums, string scope, string path, int messageField, int enumField, Dictionary<string, string> comments)
    {
        for (var index = 0; index < enums.Count; index++)
        {
            var at = FormattableString.Invariant($"{path}{enumField}.{index}");
            _enums[$"{scope}.{enums[index].Name}"] = new(
                [.. enums[index].Value.Select((value, number) => (value.Name, comments.GetValueOrDefault(FormattableString.Invariant($"{at}.2.{number}"), ""))).Skip(1)]);
        }

        for (var index = 0; index < messages.Count; index++)
        {
            var at = FormattableString.Invariant($"{path}{messageField}.{index}");
            var name = $"{scope}.{messages[index].Name}";
            var maps = messages[index].NestedType.Where(nested => nested.Options?.MapEntry == true).ToDictionary(nested => $"{name}.{nested.Name}");
            _messages[name] = new(messages[index].Name, comments.GetValueOrDefault(at, ""), [.. messages[index].Field.Select(
                (field, number) => ExplainedField.Of(field, comments.GetValueOrDefault(FormattableString.Invariant($"{at}.2.{number}"), ""), maps))]);
            Add(messages[index].NestedType, messages[index].EnumType, name, at + ".", 3, 4, comments);
        }
    }
}

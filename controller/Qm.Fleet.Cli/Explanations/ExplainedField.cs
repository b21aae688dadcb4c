using Google.Protobuf.Reflection;
using Kind = Google.Protobuf.Reflection.FieldDescriptorProto.Types.Type;
using Label = Google.Protobuf.Reflection.FieldDescriptorProto.Types.Label;

namespace Qm.Fleet.Cli.Explanations;

/// <summary>A field of a message.</summary>
/// <param name="Name">As JSON and YAML have it.</param>
/// <param name="Type">For people, such as string, []Batch or map[string]int32.</param>
/// <param name="Comment">What the proto says of it.</param>
/// <param name="MessageName">Of what it holds, with its package; null for a single value.</param>
/// <param name="EnumName">Of its words, with its package; null when it has none.</param>
internal sealed record ExplainedField(string Name, string Type, string Comment, string? MessageName, string? EnumName)
{
    /// <summary>Makes one of a descriptor.</summary>
    /// <param name="field">The descriptor.</param>
    /// <param name="comment">Its comment.</param>
    /// <param name="maps">The entries of the message's maps, by their names.</param>
    internal static ExplainedField Of(FieldDescriptorProto field, string comment, IReadOnlyDictionary<string, DescriptorProto> maps)
    {
        if (field.Type == Kind.Message && maps.TryGetValue(field.TypeName, out var entry))
        {
            var value = entry.Field[1];
            return new(field.JsonName, $"map[{Word(entry.Field[0])}]{Word(value)}", comment, MessageOf(value), EnumOf(value));
        }

        var list = field.Label == Label.Repeated ? "[]" : "";
        return new(field.JsonName, list + Word(field), comment, MessageOf(field), EnumOf(field));
    }

    private static string? MessageOf(FieldDescriptorProto field) =>
        field.Type == Kind.Message && !field.TypeName.StartsWith(".google.", StringComparison.Ordinal) ? field.TypeName : null;

    private static string? EnumOf(FieldDescriptorProto field) => field.Type == Kind.Enum ? field.TypeName : null;

    private static string Word(FieldDescriptorProto field) => field.Type switch
    {
        Kind.Message => field.TypeName[(field.TypeName.LastIndexOf('.') + 1)..] switch { "Struct" => "Object", var name => name },
        Kind.Enum => "enum",
        Kind.Bool => "boolean",
        var type => type.ToString().ToLowerInvariant(),
    };
}

/// <summary>A message.</summary>
/// <param name="Name">Without its package.</param>
/// <param name="Comment">What the proto says of it.</param>
/// <param name="Fields">In the proto's order.</param>
internal sealed record ExplainedMessage(string Name, string Comment, IReadOnlyList<ExplainedField> Fields);

/// <summary>The words that an enum has, without the one for "not set".</summary>
/// <param name="Values">Each with its comment.</param>
internal sealed record ExplainedEnum(IReadOnlyList<(string Name, string Comment)> Values);

/// <summary>What explain tells of.</summary>
/// <param name="Path">Such as fleet.spec.rollout.</param>
/// <param name="Comment">What the proto says of it.</param>
/// <param name="Type">For people.</param>
/// <param name="Message">What it holds; null for a single value.</param>
/// <param name="Words">What may stand there; null when it is no enum.</param>
internal sealed record Explanation(string Path, string Comment, string Type, ExplainedMessage? Message, ExplainedEnum? Words);

using System.Collections.Frozen;
using Google.Protobuf.Reflection;

namespace Qm.Fleet.Controller.Rest;

/// <summary>The comments of the protos, by full name: of messages, fields, enums, values, services and methods.</summary>
internal sealed class ProtoComments
{
    private const string Resource = "descriptors.pb";

    // Field numbers of descriptor.proto, of which the paths of its SourceCodeInfo are made.
    private const int Messages = FileDescriptorProto.MessageTypeFieldNumber;
    private const int Enums = FileDescriptorProto.EnumTypeFieldNumber;
    private const int Services = FileDescriptorProto.ServiceFieldNumber;
    private readonly FrozenDictionary<string, string> _comments;

    private ProtoComments(IEnumerable<KeyValuePair<string, string>> comments) => _comments = comments.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The comment right before a definition, its lines joined; empty when there is none.</summary>
    /// <param name="fullName">Such as <c>qm.fleet.v1.Fleet.spec</c>.</param>
    public string this[string fullName] => _comments.GetValueOrDefault(fullName, "");

    /// <summary>Reads what the build left in the protos' assembly.</summary>
    public static ProtoComments Read()
    {
        using var stream = typeof(V1.Fleet).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The assembly of the protos has no resource {Resource}.");
        return new(FileDescriptorSet.Parser.ParseFrom(stream).File.Where(static file => file.Package.StartsWith("qm.fleet.", StringComparison.Ordinal)).SelectMany(Of));
    }

    private static IEnumerable<KeyValuePair<string, string>> Of(FileDescriptorProto file)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (message, index) in file.MessageType.Select(static (message, index) => (message, index)))
        {
            Name(names, message, file.Package, $"{Messages}.{index}");
        }
        foreach (var (type, index) in file.EnumType.Select(static (type, index) => (type, index)))
        {
            Name(names, type, file.Package, $"{Enums}.{index}");
        }
        foreach (var (service, index) in file.Service.Select(static (service, index) => (service, index)))
        {
            names[$"{Services}.{index}"] = $"{file.Package}.{service.Name}";
            for (var method = 0; method < service.Method.Count; method++)
            {
                names[$"{Services}.{index}.{ServiceDescriptorProto.MethodFieldNumber}.{method}"] = $"{file.Package}.{service.Name}.{service.Method[method].Name}";
            }
        }
        return from location in file.SourceCodeInfo.Location
               where location.HasLeadingComments
               let name = names.GetValueOrDefault(string.Join('.', location.Path))
               where name is not null
               select KeyValuePair.Create(name, string.Join(' ', location.LeadingComments.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)));
    }

    private static void Name(Dictionary<string, string> names, DescriptorProto message, string scope, string path)
    {
        var name = $"{scope}.{message.Name}";
        names[path] = name;
        for (var field = 0; field < message.Field.Count; field++)
        {
            names[$"{path}.{DescriptorProto.FieldFieldNumber}.{field}"] = $"{name}.{message.Field[field].Name}";
        }
        for (var nested = 0; nested < message.NestedType.Count; nested++)
        {
            Name(names, message.NestedType[nested], name, $"{path}.{DescriptorProto.NestedTypeFieldNumber}.{nested}");
        }
        for (var type = 0; type < message.EnumType.Count; type++)
        {
            Name(names, message.EnumType[type], name, $"{path}.{DescriptorProto.EnumTypeFieldNumber}.{type}");
        }
    }

    private static void Name(Dictionary<string, string> names, EnumDescriptorProto type, string scope, string path)
    {
        names[path] = $"{scope}.{type.Name}";
        for (var value = 0; value < type.Value.Count; value++)
        {
            // Values stand beside their type in protobuf, and are told by it here.
            names[$"{path}.{EnumDescriptorProto.ValueFieldNumber}.{value}"] = $"{scope}.{type.Name}.{type.Value[value].Name}";
        }
    }
}

using System.Collections.Concurrent;
using System.Collections.Frozen;
using Google.Protobuf.Reflection;

namespace Qm.Fleet.Controller.Rest;

/// <summary>The names that a message's fields go by in JSON: the one of JSON, and the one in the proto.</summary>
internal static class JsonNames
{
    // One for each message there is.
    private static readonly ConcurrentDictionary<MessageDescriptor, FrozenDictionary<string, FieldDescriptor>> Known = [];

    /// <summary>The field of a name; null when there is none.</summary>
    public static FieldDescriptor? Find(MessageDescriptor message, string name) => Known.GetOrAdd(message, Read).GetValueOrDefault(name);

    // The name of JSON wins where one field's is another's in the proto.
    private static FrozenDictionary<string, FieldDescriptor> Read(MessageDescriptor message)
    {
        var names = message.Fields.InDeclarationOrder().ToDictionary(static field => field.Name, StringComparer.Ordinal);
        foreach (var field in message.Fields.InDeclarationOrder())
        {
            names[field.JsonName] = field;
        }
        return names.ToFrozenDictionary(StringComparer.Ordinal);
    }
}

using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Shared;

/// <summary>A message without the texts that its proto marks as secret (<c>debug_redact</c>), and without what <see cref="Redactor"/> takes for one: what it says stays a message of its kind.</summary>
/// <remarks>qmfleet compiles this file, too: it shows the same messages. So it names Core and the messages only.</remarks>
internal static class RedactedMessage
{
    /// <summary>A copy; the message itself stays as it is.</summary>
    public static IMessage Of(IMessage message)
    {
        var copy = message.Descriptor.Parser.ParseFrom(message.ToByteArray());
        Clean(copy);
        return copy;
    }

    private static void Clean(IMessage message)
    {
        if (message is Struct record)
        {
            foreach (var (key, value) in record.Fields.ToList())
            {
                record.Fields[key] = Clean(key, value);
            }
            return;
        }
        if (message is V1.RootfsArchive archive)
        {
            archive.Url = new SecretUrl(archive.Url).ToString();
        }
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            Clean(field, field.Accessor, message);
        }
    }

    private static void Clean(FieldDescriptor field, IFieldAccessor accessor, IMessage message)
    {
        switch (accessor.GetValue(message))
        {
            case IDictionary map:
                foreach (var key in map.Keys.Cast<object>().ToList())
                {
                    if (map[key] is string text)
                    {
                        map[key] = Redactor.RedactValue($"{key}", text);
                    }
                    else if (map[key] is IMessage below)
                    {
                        Clean(below);
                    }
                }
                break;
            case IList list:
                for (var index = 0; index < list.Count; index++)
                {
                    if (list[index] is string text)
                    {
                        list[index] = Redactor.RedactSentence(text);
                    }
                    else if (list[index] is IMessage below)
                    {
                        Clean(below);
                    }
                }
                break;
            case string { Length: > 0 } text when !field.IsMap:
                accessor.SetValue(message, field.GetOptions() is { DebugRedact: true } ? Redactor.Mark : Redactor.RedactSentence(text));
                break;
            case IMessage below:
                Clean(below);
                break;
        }
    }

    private static Value Clean(string key, Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StringValue => Value.ForString(Redactor.RedactValue(key, value.StringValue)),
        Value.KindOneofCase.ListValue => Value.ForList([.. value.ListValue.Values.Select(one => Clean(key, one))]),
        Value.KindOneofCase.StructValue => Value.ForStruct((Struct)Of(value.StructValue)),
        _ => value,
    };
}

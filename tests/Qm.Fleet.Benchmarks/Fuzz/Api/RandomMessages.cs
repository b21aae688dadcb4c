using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Qm.Fleet.Benchmarks.Fuzz.Api;

/// <summary>Messages at random, from their descriptors alone: texts that mean something to their fields about half of the time, and what breaks things for the rest.</summary>
internal sealed class RandomMessages(Random random)
{
    private const int MostLevels = 6;

    private static readonly string[] Names = ["cockpit", "rear", "ecu1", "ecu2", "qm.ecu1", "nobody", "operations/cockpit/1", "radio.service", "qm.service", "local"];

    private static readonly string[] Nasty =
    [
        "", " ", "\0", "a\nb", "..", "../../etc/passwd", "%2F", "'; DROP TABLE fleet; --", "\u00fcbel", "\U0001f697\ufeff", "\ud7ff\ue000", new('x', 300), new('9', 40), "-1", "NaN", "null", "{}", "a=b,c notin (d",
        "*", "x y", "CON", "\u202e", "infinity", "1e999", "0x10",
    ];

    // By the name of the field: what it is made for, right and nearly right.
    private static readonly Dictionary<string, string[]> Meant = new(StringComparer.Ordinal)
    {
        ["selector"] = ["zone=cockpit", "zone in (cockpit, rear)", "!zone", "zone in (cockpit", "zone=cockpit,,"],
        ["field_selector"] = ["metadata.name=ecu1", "status.phase!=HEALTHY", "spec.cordoned=true", "severity=CRITICAL", "done=false", "no.such=1", "metadata.name=a=b", "==", ","],
        ["order_by"] = ["metadata.name", "metadata.name desc", "no.such", "metadata.name up", "desc", ","],
        ["page_token"] = ["ZWN1MQ", "AAAA", "====", "e30", "not a token"],
        ["resume_token"] = ["AAAA", "ZWN1MQ", "e30", "1", "not a token"],
        ["request_id"] = ["6f1cbb2a-0d8e-4c5e-9a3e-111111111111", "6f1cbb2a-0d8e-4c5e-9a3e-222222222222", "6F1CBB2A", "not-a-uuid"],
        ["on_delete"] = ["remove", "orphan", "keep"],
        ["sha256"] = [new('a', 64), new('A', 64), "abc"],
        ["paths"] = ["spec", "metadata.labels", "spec.cordoned", "spec.environment.resources.memory_max", "status", "no_such", "spec..x", "metadata.name"],
        ["memory_max"] = ["3G", "1K", "100%", "infinity", "-1G", "3Q"],
        ["cpu_quota"] = ["60%", "0%", "1e9%"],
        ["soak"] = ["2m", "0", "-1s", "1000000h"],
        ["patterns"] = ["*.service", "radio*", "["],
    };

    private static readonly long[] Numbers = [0, 1, -1, 2, 50, 500, 1000, 1001, int.MaxValue, int.MinValue, long.MaxValue, long.MinValue];

    /// <summary>A message of a type.</summary>
    internal IMessage Of(MessageDescriptor type, int level = 0)
    {
        if (random.Next(2) == 0 && Good(type) is { } good)
        {
            return good;
        }

        var message = type.Parser.ParseFrom(ByteString.Empty);
        foreach (var field in type.Fields.InDeclarationOrder())
        {
            // The deeper, the fewer; else a message that holds itself has no end.
            if (random.Next(level + 3) <= 1 && level < MostLevels && field.RealContainingOneof?.Accessor.GetCaseFieldDescriptor(message) is null)
            {
                Set(message, field, level);
            }
        }

        return message;
    }

    /// <summary>A text for a field.</summary>
    internal string Text(string field) => random.Next(8) switch
    {
        < 4 when Meant.TryGetValue(field, out var meant) => meant[random.Next(meant.Length)],
        < 6 => Names[random.Next(Names.Length)],
        _ => Nasty[random.Next(Nasty.Length)],
    };

    // At random alone hardly one would be good, and nothing behind the checks would ever be reached; half of the good ones have one thing wrong.
    private IMessage? Good(MessageDescriptor type)
    {
        IMessage? good = type.Name switch
        {
            nameof(V1.Fleet) => new V1.Fleet
            {
                Metadata = new V1.Metadata { Name = Names[random.Next(4)] },
                Spec = new V1.FleetSpec
                {
                    Selector = random.Next(2) == 0 ? "zone=cockpit" : "zone=rear",
                    Environment = new V1.Environment
                    {
                        Resources = new V1.Resources { MemoryMax = $"{random.Next(1, 4)}G" },
                        Oom = new V1.OomScores { Qm = 500, Nested = 750 },
                        Workloads = { new V1.Workload { Name = "radio", Quadlet = new Struct { Fields = { ["Container"] = Value.ForStruct(new Struct { Fields = { ["Image"] = Value.ForString("localhost/radio:3") } }) } } } },
                    },
                },
            },
            nameof(V1.Node) => new V1.Node { Metadata = new V1.Metadata { Name = Names[random.Next(4)], Labels = { ["zone"] = "cockpit" } }, Spec = new V1.NodeSpec { Cordoned = random.Next(2) == 0 } },
            _ => null,
        };
        if (good is not null && random.Next(2) == 0)
        {
            var fields = type.Fields.InDeclarationOrder();
            Set(good, fields[random.Next(fields.Count)], 2);
        }

        return good;
    }

    private void Set(IMessage message, FieldDescriptor field, int level)
    {
        if (field.IsMap)
        {
            var map = (IDictionary)field.Accessor.GetValue(message);
            for (var count = random.Next(3); count > 0; count--)
            {
                map[Some(field.MessageType.FindFieldByNumber(1), level)] = Some(field.MessageType.FindFieldByNumber(2), level);
            }
        }
        else if (field.IsRepeated)
        {
            var list = (IList)field.Accessor.GetValue(message);
            for (var count = random.Next(4); count > 0; count--)
            {
                list.Add(Some(field, level));
            }
        }
        else
        {
            field.Accessor.SetValue(message, Some(field, level));
        }
    }

    private object Some(FieldDescriptor field, int level)
    {
        var number = Numbers[random.Next(Numbers.Length)];
        return field.FieldType switch
        {
            FieldType.Bool => random.Next(2) == 0,
            FieldType.String => Text(field.Name),
            FieldType.Bytes => ByteString.CopyFrom(Bytes(40)),
            FieldType.Double => (double)number,
            FieldType.Float => (float)number,
            FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => (int)number,
            FieldType.UInt32 or FieldType.Fixed32 => (uint)number,
            FieldType.UInt64 or FieldType.Fixed64 => (ulong)number,
            FieldType.Enum => random.Next(5) == 0 ? 99 : field.EnumType.Values[random.Next(field.EnumType.Values.Count)].Number,
            FieldType.Message when field.MessageType == Struct.Descriptor => Quadlet(),
            FieldType.Message => Of(field.MessageType, level + 1),
            _ => number,
        };
    }

    private Struct Quadlet() => new() { Fields = { ["Container"] = Value.ForStruct(new Struct { Fields = { ["Image"] = Value.ForString(Text("image")), [Text("key")] = Value.ForNumber(random.Next()) } }) } };

    private byte[] Bytes(int most)
    {
        var bytes = new byte[random.Next(most)];
        random.NextBytes(bytes);
        return bytes;
    }
}

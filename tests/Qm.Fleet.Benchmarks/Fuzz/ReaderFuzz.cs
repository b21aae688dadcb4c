using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>Well-formed messages of any shape, made by libsystemd and read back: what was written is read, and nothing else.</summary>
internal static class ReaderFuzz
{
    // As deep as the D-Bus specification lets a message be.
    private const int DeepestRead = 64;

    internal static Fuzzer Create(int seed) => new("messages", seed, Feed);

    private static (int Size, bool Refused) Feed(Random random)
    {
        var values = new RandomValues(random);
        var body = random.Next(50) == 0 ? ImmutableArray.Create(Nest(values.Basic(), random.Next(1, 80), random)) : values.Body(6);
        using var message = new SealedMessage();
        try
        {
            message.Write(body);
        }
        catch (BusFormatException)
        {
            // libsystemd does not make everything that has a type: nesting has limits, and so has a signature.
            return (WireSize.Of(body), true);
        }

        ImmutableArray<BusValue> read;
        try
        {
            read = message.Read();
        }
        catch (BusFormatException) when (body.Max(Depth) > DeepestRead)
        {
            return (WireSize.Of(body), true);
        }

        return read.SequenceEqual(body) ? (WireSize.Of(body), false) : throw new InvalidOperationException($"{Show(body)} was read as {Show(read)}");
    }

    private static BusValue Nest(BusValue value, int levels, Random random)
    {
        for (; levels > 0; levels--)
        {
            value = random.Next(3) switch
            {
                0 => new BusValue.Struct([value]),
                1 when value is not BusValue.Byte => new BusValue.Array(value.Signature, [value]),
                _ => new BusValue.Variant(value),
            };
        }

        return value;
    }

    private static int Depth(BusValue value) => value switch
    {
        BusValue.Variant variant => 1 + Depth(variant.Value),
        BusValue.Struct fields => 1 + fields.Fields.Max(Depth),
        BusValue.Array { Items: [var item, ..] } => 1 + Depth(item),
        _ => 0,
    };

    private static string Show(IEnumerable<BusValue> body) => string.Join(", ", body);
}

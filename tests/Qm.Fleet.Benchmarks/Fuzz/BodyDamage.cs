using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>Damages a body: leaves values out, puts others in their place, wraps them, repeats them; now and then nothing of it is left.</summary>
internal sealed class BodyDamage(Random random)
{
    private readonly RandomValues _values = new(random);

    internal ImmutableArray<BusValue> Of(ImmutableArray<BusValue> body) => random.Next(20) switch
    {
        0 => body,
        1 => _values.Body(6),
        2 => [],
        _ => Damage(body, 0),
    };

    private ImmutableArray<BusValue> Damage(ImmutableArray<BusValue> values, int depth)
    {
        if (values.IsEmpty)
        {
            return random.Next(2) == 0 ? values : [_values.Any(2)];
        }

        var at = random.Next(values.Length);
        return random.Next(8) switch
        {
            0 => values.RemoveAt(at),
            1 => values.Insert(at, _values.Any(2)),
            2 => values.SetItem(at, _values.Any(3)),
            3 => values.Insert(at, values[at]),
            4 => values.SetItem(at, new BusValue.Variant(values[at])),
            5 => values.SetItem(at, new BusValue.Struct([values[at], _values.Basic()])),
            _ => values.SetItem(at, Inside(values[at], depth)),
        };
    }

    private BusValue Inside(BusValue value, int depth) => value switch
    {
        _ when depth > 4 => _values.Any(1),
        BusValue.Struct fields => new BusValue.Struct(Damage(fields.Fields, depth + 1)),
        BusValue.Array array => new BusValue.Array(array.ItemSignature, Damage(array.Items, depth + 1)),
        BusValue.Variant variant => new BusValue.Variant(Inside(variant.Value, depth + 1)),
        BusValue.Dictionary { Entries: [var first, ..] } dictionary => dictionary with
        {
            Entries = dictionary.Entries.SetItem(0, random.Next(2) == 0 ? new(_values.Any(1), first.Value) : new(first.Key, Inside(first.Value, depth + 1))),
        },
        _ => _values.Any(2),
    };
}

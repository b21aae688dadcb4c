using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>How many bytes a value takes on the wire, padding left out: no more than it really takes.</summary>
internal static class WireSize
{
    internal static int Of(IEnumerable<BusValue> values) => values.Sum(Of);

    private static int Of(BusValue value) => value switch
    {
        BusValue.Text text => 5 + text.Value.Length,
        BusValue.ObjectPath path => 5 + path.Value.Length,
        BusValue.TypeSignature signature => 2 + signature.Value.Length,
        BusValue.Bytes bytes => 4 + bytes.Value.Length,
        BusValue.Variant variant => 3 + Of(variant.Value),
        BusValue.Array array => 4 + Of(array.Items),
        BusValue.Struct fields => Of(fields.Fields),
        BusValue.Dictionary dictionary => 4 + dictionary.Entries.Sum(entry => Of(entry.Key) + Of(entry.Value)),
        _ => 1,
    };
}

using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.BlueChi.Jobs;

namespace Qm.Fleet.BlueChi.Client;

/// <summary>What calls answer, as records; one of another shape is a <see cref="BusFormatException"/> and nothing else, whoever sent it.</summary>
internal static class Replies
{
    internal static string ToText(ImmutableArray<BusValue> body) => Argument(body, 0).AsText();

    internal static uint ToNumber(ImmutableArray<BusValue> body) => Argument(body, 0).AsUInt32();

    internal static uint ToSystemdJob(ImmutableArray<BusValue> body) => Records.ToSystemdJob(Argument(body, 0));

    internal static PropertyValue ToProperty(ImmutableArray<BusValue> body) => PropertyValue.From(Argument(body, 0));

    internal static IReadOnlyDictionary<string, PropertyValue> ToProperties(ImmutableArray<BusValue> body) => PropertyValue.ReadAll(Argument(body, 0));

    internal static JobState ToJobState(ImmutableArray<BusValue> body) => Wire.ToJobState(ToText(body));

    /// <summary><c>a(soss)</c>: name, object, status, address.</summary>
    internal static ImmutableArray<(NodeInfo Node, string Path)> ToNodes(ImmutableArray<BusValue> body) =>
        [.. Argument(body, 0).AsItems().Select(row => row.AsItems() is [var name, var path, var status, var address, ..]
            ? (new NodeInfo(name.AsText(), Wire.ToStatus(status.AsText()), address.AsText()), path.AsText())
            : throw new BusFormatException($"expected (soss), found {row.Signature}"))];

    internal static IReadOnlyList<UnitInfo> ToUnits(ImmutableArray<BusValue> body) => ToRows(Argument(body, 0), Records.ToUnit);

    internal static IReadOnlyList<UnitFileInfo> ToUnitFiles(ImmutableArray<BusValue> body) => ToRows(Argument(body, 0), Records.ToUnitFile);

    internal static IReadOnlyList<UnitFileChange> ToChanges(ImmutableArray<BusValue> body) => Records.ToChanges(Argument(body, 0));

    internal static EnabledUnitFiles ToEnabled(ImmutableArray<BusValue> body) => new(Argument(body, 0).AsBoolean(), Records.ToChanges(Argument(body, 1)));

    /// <summary><c>a{sa…}</c>; of a node that is there twice, the last one counts.</summary>
    internal static IReadOnlyDictionary<string, IReadOnlyList<T>> ToRowsOfNodes<T>(ImmutableArray<BusValue> body, Func<BusValue, T> row)
    {
        var nodes = new Dictionary<string, IReadOnlyList<T>>(StringComparer.Ordinal);
        foreach (var (name, rows) in Argument(body, 0).AsEntries())
        {
            nodes[name.AsText()] = ToRows(rows, row);
        }

        return nodes;
    }

    private static IReadOnlyList<T> ToRows<T>(BusValue rows, Func<BusValue, T> row) => [.. rows.AsItems().Select(row)];

    private static BusValue Argument(ImmutableArray<BusValue> body, int index) =>
        index < body.Length ? body[index] : throw new BusFormatException($"expected {index + 1} values or more, found {body.Length}");
}

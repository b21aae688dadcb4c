using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Controller.Operations;

/// <summary>What a unit's state tells of an operation whose end nobody heard: a timeout means unknown, not failed.</summary>
internal static class ReadBack
{
    /// <summary>Judges an operation by the unit as it was before, and as it is.</summary>
    /// <param name="operation">The operation, with what was read before it.</param>
    /// <param name="properties">The unit now; null when it could not be read.</param>
    /// <param name="wanted">What was to be set; empty where nothing was, or it cannot be told.</param>
    public static Settlement Judge(StoredOperation operation, IReadOnlyDictionary<string, PropertyValue>? properties, IReadOnlyList<LiveProperty> wanted)
    {
        if (properties is null)
        {
            return Settlement.CannotTell;
        }

        return UnitTarget.JobOf(operation.Kind) is { } job
            ? Settlements.Judge(job, new("loaded", operation.ActiveState, "", "", operation.InvocationId, null, null, 0), UnitState.From(properties))
            : operation.Kind == OperationKind.SetUnitProperties ? Judge(properties, wanted)
            : Judge(properties, operation.Kind == OperationKind.FreezeUnit);
    }

    private static Settlement Judge(IReadOnlyDictionary<string, PropertyValue> properties, bool frozen) =>
        !properties.TryGetValue("FreezerState", out var value) || !value.TryGetString(out var state) ? Settlement.CannotTell
        : state == (frozen ? "frozen" : "running") ? Settlement.CarriedOut
        : state == (frozen ? "freezing" : "thawing") ? Settlement.UnderWay
        : Settlement.NotSeen;

    private static Settlement Judge(IReadOnlyDictionary<string, PropertyValue> properties, IReadOnlyList<LiveProperty> wanted) =>
        wanted.Count == 0 || wanted.Any(property => property.Devices is not null || !properties.ContainsKey(property.Name)) ? Settlement.CannotTell
        : wanted.All(property => IsSo(properties[property.Name], property)) ? Settlement.CarriedOut
        : Settlement.NotSeen;

    private static bool IsSo(PropertyValue found, LiveProperty wanted) => wanted switch
    {
        { CpuMask: { } mask } => found.TryGetBytes(out var bytes) && CpuSet.FromMask(bytes.AsSpan()).ToString() == CpuSet.FromMask(mask).ToString(),
        { Word: { } word } => found.TryGetString(out var text) && text == word,
        { Scale: { } scale } => found.TryGetUInt64(out var share) && share == scale,
        { Switch: { } isOn } => found.TryGetBoolean(out var holds) && holds == isOn,
        _ => found.TryGetUInt64(out var number) && number == wanted.Number,
    };
}

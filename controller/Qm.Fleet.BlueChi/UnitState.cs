namespace Qm.Fleet.BlueChi;

/// <summary>What a unit is doing, as read from its node's systemd; words are systemd's.</summary>
/// <param name="LoadState"><c>loaded</c>, <c>not-found</c>, ...</param>
/// <param name="ActiveState"><c>active</c>, <c>inactive</c>, <c>failed</c>, <c>activating</c>, ...</param>
/// <param name="SubState">The finer state, such as <c>running</c>.</param>
/// <param name="Result">Why it ended, such as <c>success</c>; empty for units that are not services.</param>
/// <param name="InvocationId">Changes with every start, 32 hex digits; empty before the first.</param>
/// <param name="InactiveExit">When it last left an inactive state, since the node booted; null for never.</param>
/// <param name="ActiveEnter">When it last became active, since the node booted; null for never.</param>
/// <param name="JobId">The queued systemd job; 0 when there is none.</param>
public sealed record UnitState(
    string LoadState, string ActiveState, string SubState, string Result, string InvocationId, TimeSpan? InactiveExit, TimeSpan? ActiveEnter, uint JobId)
{
    /// <summary>Reads it from the properties of all of a unit's interfaces; what is missing is as systemd has it before the first start.</summary>
    public static UnitState From(IReadOnlyDictionary<string, PropertyValue> properties) => new(
        Text(properties, "LoadState"),
        Text(properties, "ActiveState"),
        Text(properties, "SubState"),
        Text(properties, "Result"),
        properties.TryGetValue("InvocationID", out var id) && id.TryGetBytes(out var bytes) ? Convert.ToHexStringLower(bytes.AsSpan()[..Math.Min(bytes.Length, IdBytes)]) : "",
        Time(properties, "InactiveExitTimestampMonotonic"),
        Time(properties, "ActiveEnterTimestampMonotonic"),
        properties.TryGetValue("Job", out var job) && job.TryGetList(out var parts) && parts.Length > 0 && parts[0].TryGetUInt64(out var jobId) ? (uint)jobId : 0);

    // systemd's words are short ones; a systemd that was taken over may say anything, and is quoted in part.
    private const int LongestWord = 64;
    private const int IdBytes = 16;

    private static string Text(IReadOnlyDictionary<string, PropertyValue> properties, string name) =>
        properties.TryGetValue(name, out var value) && value.TryGetString(out var text) ? text.Length <= LongestWord ? text : text[..LongestWord] : "";

    private static TimeSpan? Time(IReadOnlyDictionary<string, PropertyValue> properties, string name) =>
        properties.TryGetValue(name, out var value) && value.TryGetUInt64(out var microseconds) && microseconds > 0 && microseconds < long.MaxValue / TimeSpan.TicksPerMicrosecond
            ? TimeSpan.FromMicroseconds((long)microseconds)
            : null;
}

using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Simulation.Models;

/// <summary>A unit as systemd has it.</summary>
internal sealed class SimulatedUnit
{
    internal string LoadState { get; set; } = "loaded";

    internal string ActiveState { get; set; } = "inactive";

    internal string Result { get; set; } = "success";

    /// <summary>When it was last started, microseconds since the node booted; 0 for never.</summary>
    internal long StartedAt { get; set; }

    /// <summary>The job that is at it; 0 when none is.</summary>
    internal uint Job { get; set; }

    internal int Restarts { get; set; }

    /// <summary>What its container has; null when it has none of its own.</summary>
    internal int? Score { get; set; }

    /// <summary>Counts its starts, so that what was planned for an earlier one is not done to a later one.</summary>
    internal int Run { get; set; }

    internal bool IsActive => ActiveState == "active";

    /// <summary>As systemd tells it.</summary>
    /// <param name="score">What it would be started with.</param>
    /// <param name="needsReload">Whether its drop-ins are others than systemd read.</param>
    internal IReadOnlyDictionary<string, PropertyValue> Properties(int? score, bool needsReload)
    {
        var properties = new Dictionary<string, PropertyValue>(StringComparer.Ordinal)
        {
            ["LoadState"] = PropertyValue.From(LoadState),
            ["ActiveState"] = PropertyValue.From(ActiveState),
            ["SubState"] = PropertyValue.From(IsActive ? "running" : "dead"),
            ["Result"] = PropertyValue.From(Result),
            ["InactiveExitTimestampMonotonic"] = PropertyValue.From((ulong)StartedAt),
            // Two starts at the same microsecond are one.
            ["InvocationID"] = PropertyValue.From(new BusValue.Bytes(StartedAt == 0 ? [] : [.. BitConverter.GetBytes(StartedAt), .. new byte[8]])),
            ["NeedDaemonReload"] = PropertyValue.From(needsReload),
            ["NRestarts"] = PropertyValue.From((ulong)Restarts),
            ["Job"] = PropertyValue.From(new BusValue.Struct([Job, new BusValue.ObjectPath("/")])),
        };
        if (score is { } value)
        {
            properties["OOMScoreAdjust"] = PropertyValue.From(value);
        }

        return properties;
    }
}

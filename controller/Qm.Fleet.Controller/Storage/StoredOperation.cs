using System.Collections.Immutable;

namespace Qm.Fleet.Controller.Storage;

/// <summary>What was asked of a unit. The numbers are stored: they never change and are never used again.</summary>
internal enum OperationKind
{
    /// <summary>All of QM is restarted.</summary>
    RestartQm = 1,

    /// <summary>A unit inside QM is started.</summary>
    StartUnit = 2,

    /// <summary>It is stopped.</summary>
    StopUnit = 3,

    /// <summary>It is restarted.</summary>
    RestartUnit = 4,

    /// <summary>Its processes are stopped where they are.</summary>
    FreezeUnit = 5,

    /// <summary>They go on.</summary>
    ThawUnit = 6,

    /// <summary>Properties of it, or of QM as a whole, are set until it is restarted.</summary>
    SetUnitProperties = 7,
}

/// <summary>Something that was asked of a unit, as stored.</summary>
/// <param name="Id">A UUID, sorted by time.</param>
/// <param name="Kind">What was asked.</param>
/// <param name="Node">The node.</param>
/// <param name="Unit">The unit: of the host for qm.service and where <see cref="OnHost"/> says so, else inside QM.</param>
/// <param name="Actor">Who asked.</param>
/// <param name="Reason">Why, in their words; may be empty.</param>
/// <param name="StartedAt">When it was accepted.</param>
internal sealed record StoredOperation(string Id, OperationKind Kind, string Node, string Unit, string Actor, string Reason, DateTimeOffset StartedAt)
{
    /// <summary>What is set, by systemd's name and in the words of a unit file.</summary>
    public ImmutableSortedDictionary<string, string> Properties { get; init; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Whether it is a unit of the host that an administrator had listed.</summary>
    public bool OnHost { get; init; }

    /// <summary>ActiveState of the unit before.</summary>
    public string ActiveState { get; init; } = "";

    /// <summary>InvocationID of the unit before; empty when it had never been started. For <see cref="OperationKind.RestartQm"/> that of qm.service.</summary>
    public string InvocationId { get; init; } = "";

    /// <summary>What it waits for, or what came of it.</summary>
    public string Message { get; init; } = "";

    /// <summary>Why it did not end well; empty when it did, or has not ended.</summary>
    public string Error { get; init; } = "";

    /// <summary>Who asked for its end; empty when nobody did.</summary>
    public string CancelledBy { get; init; } = "";

    /// <summary>When it ended; null before.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>As the API names it.</summary>
    public string Name => $"operations/{Id}";

    /// <summary>For people: what it does to what, and who asked.</summary>
    public override string ToString() => $"{Name} ({Kind} of {Unit} on {(OnHost ? "the host of " : "")}{Node} by {Actor})";
}

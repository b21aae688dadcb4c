using Qm.Fleet.Core.Audit;

namespace Qm.Fleet.Controller.Storage;

/// <summary>An event before it has a number and a time.</summary>
/// <param name="Reason">A CamelCase word a script can compare.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Actor">An authenticated identity, or <see cref="Controller"/>.</param>
/// <param name="Fleet">The fleet concerned; empty when none.</param>
/// <param name="Node">The node concerned; empty when none.</param>
/// <param name="Unit">The unit concerned; empty when none.</param>
/// <param name="Message">A sentence for a person.</param>
internal sealed record EventDraft(
    string Reason, EventSeverity Severity, string Actor, string Fleet, string Node, string Unit, string Message)
{
    /// <summary>The actor of what nobody asked for.</summary>
    public const string Controller = "controller";

    /// <summary>The call that it tells of; null for that of the transaction it is appended in.</summary>
    public Origin? Origin { get; init; }

    /// <summary>What it was before, of <see cref="AuditText"/>; empty when there was none or nothing changed.</summary>
    public string Before { get; init; } = "";

    /// <summary>What it is after, of <see cref="AuditText"/>; empty when there is none or nothing changed.</summary>
    public string After { get; init; } = "";
}

/// <summary>One entry of the event log.</summary>
/// <param name="Number">Position in the log, from 1, without gaps.</param>
/// <param name="Time">When it was written.</param>
/// <param name="Draft">What happened.</param>
internal sealed record StoredEvent(long Number, DateTimeOffset Time, EventDraft Draft)
{
    /// <summary>Where it came from and what it changed.</summary>
    public AuditDetails Details { get; init; } = AuditDetails.None;

    /// <summary>SHA-256 over the hash of the event before and over this one, 32 bytes; empty when it was taken out.</summary>
    public byte[] Hash { get; init; } = [];
}

/// <summary>How bad an event is. The numbers are stored: they never change and are never used again.</summary>
internal enum EventSeverity
{
    /// <summary>The expected course.</summary>
    Info = 1,

    /// <summary>Wants a look.</summary>
    Warning = 2,

    /// <summary>Something failed.</summary>
    Error = 3,

    /// <summary>Safety or the isolation of QM is in question.</summary>
    Critical = 4,
}

using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Operations;

/// <summary>What came of what was asked of a unit.</summary>
/// <param name="IsKnown">Whether that is known; if not, the unit is to be looked at.</param>
/// <param name="Error">Why it did not end well; empty when it did, or nobody knows.</param>
/// <param name="Message">What came of it, or why nobody knows.</param>
internal sealed record UnitOutcome(bool IsKnown, string Error, string Message)
{
    private const string Cancelled = "canceled";

    /// <summary>It was done.</summary>
    public static UnitOutcome Done(string message) => new(true, "", message);

    /// <summary>It was not.</summary>
    public static UnitOutcome Failed(string error) => new(true, error, "");

    /// <summary>Nobody can tell yet.</summary>
    public static UnitOutcome Unknown(string why) => new(false, "", why);

    /// <summary>What the end of a job says of an operation.</summary>
    public static UnitOutcome Of(StoredOperation operation, JobOutcome outcome) => (outcome.Result, outcome.Settlement) switch
    {
        (JobResult.Done, _) => Done(Said(operation)),
        (JobResult.Failed, _) when outcome.Detail == Cancelled => Failed(operation.CancelledBy.Length > 0
            ? $"{operation.CancelledBy} cancelled the job before systemd began it"
            : "the job was cancelled in systemd: another job took its place"),
        (JobResult.Failed, _) => Failed($"the job of {operation.Unit} ended '{outcome.Detail}'; the journal says why: qmfleet logs {operation.Node} {(operation.OnHost ? "" : "--in-qm ")}--unit {operation.Unit}"),
        (JobResult.Refused, _) => Failed(outcome.Detail),
        (_, Settlement.CarriedOut) => Done($"{Said(operation)}, as the unit's state tells; {outcome.Detail}"),
        (_, Settlement.TriedAndFailed) => Failed($"{operation.Unit} was started and failed, as its state tells; {outcome.Detail}"),
        _ => Unknown(outcome.Detail),
    };

    /// <summary>How an operation that went well is told.</summary>
    public static string Said(StoredOperation operation) => operation.Kind switch
    {
        OperationKind.RestartQm => "QM was restarted",
        OperationKind.StartUnit => $"{operation.Unit} was started",
        OperationKind.StopUnit when operation.OnHost => $"{operation.Unit} was stopped; it stays so until somebody starts it, or the node does",
        OperationKind.StopUnit => $"{operation.Unit} was stopped; it stays so until somebody starts it, QM restarts, or its fleet brings it anew",
        OperationKind.RestartUnit => $"{operation.Unit} was restarted",
        OperationKind.FreezeUnit => $"{operation.Unit} is frozen",
        OperationKind.ThawUnit => $"{operation.Unit} goes on",
        _ => $"{string.Join(", ", operation.Properties.Select(static property => $"{property.Key}={property.Value}"))} holds until {operation.Unit} is set otherwise or restarted",
    };
}

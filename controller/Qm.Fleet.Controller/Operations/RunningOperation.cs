using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Operations;

/// <summary>An operation that goes on in this process.</summary>
/// <param name="operation">As it was accepted.</param>
/// <param name="lease">Its unit.</param>
internal sealed class RunningOperation(StoredOperation operation, UnitLease lease)
{
    private readonly Lock _gate = new();
    private IUnitJob? _job;
    private string _cancelledBy = operation.CancelledBy;

    /// <summary>What was asked, and who asked for its end meanwhile.</summary>
    public StoredOperation Operation => operation with { CancelledBy = CancelledBy };

    /// <summary>Its unit.</summary>
    public UnitLease Lease => lease;

    /// <summary>Ends a wait when its end is asked for.</summary>
    public Signal Signal { get; } = new();

    /// <summary>Who asked for its end; empty when nobody did.</summary>
    public string CancelledBy
    {
        get
        {
            lock (_gate)
            {
                return _cancelledBy;
            }
        }
    }

    /// <summary>Its job was accepted.</summary>
    /// <returns>Whether its end was asked for before that.</returns>
    public bool Began(IUnitJob job)
    {
        lock (_gate)
        {
            _job = job;
            return _cancelledBy.Length > 0;
        }
    }

    /// <summary>Somebody asks for its end.</summary>
    /// <returns>The job to cancel; null while there is none.</returns>
    public IUnitJob? Cancel(string actor)
    {
        lock (_gate)
        {
            _cancelledBy = actor;
        }
        Signal.Raise();
        return _job;
    }
}

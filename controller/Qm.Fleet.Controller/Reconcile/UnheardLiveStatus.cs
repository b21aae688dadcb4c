using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Controller.Api;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Knows nothing of any node, and says so in every condition.</summary>
internal sealed class UnheardLiveStatus(TimeProvider time) : ILiveStatus
{
    private readonly Timestamp _since = Timestamp.FromDateTimeOffset(time.GetUtcNow());

    /// <inheritdoc/>
    public V1.NodeStatus Node(string name) => new()
    {
        Conditions =
        {
            Unheard("BluechiOnline"), Unheard("QmOnline"), Unheard("ExtensionConnected"), Unheard("QmActive"), Unheard("Verified"),
            Unheard("Ready"),
        },
    };

    /// <inheritdoc/>
    public V1.FleetStatus Fleet(string name) => new() { Conditions = { Unheard("Converged") } };

    private V1.Condition Unheard(string type) => new()
    {
        Type = type,
        Status = V1.Condition.Types.Status.Unknown,
        Reason = "NothingHeard",
        Message = "Nothing was heard of it since the controller started: no reconciler runs.",
        Since = _since,
    };
}

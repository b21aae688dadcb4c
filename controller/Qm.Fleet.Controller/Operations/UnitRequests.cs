using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Controller.Operations;

/// <summary>Something that is asked of a unit.</summary>
/// <param name="Kind">What.</param>
/// <param name="Node">The node.</param>
/// <param name="Unit">The unit; qm.service for all of QM.</param>
/// <param name="Reason">Why, in the caller's words.</param>
internal sealed record UnitRequest(OperationKind Kind, string Node, string Unit, string Reason)
{
    /// <summary>What is to be set, by systemd's name.</summary>
    public IReadOnlyDictionary<string, string> Properties { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Whether the unit is one of the host, which an administrator has to have listed.</summary>
    public bool OnHost { get; init; }
}

/// <summary>Checks what is asked of units, and makes operations of it.</summary>
internal sealed class UnitRequests(
    NodeStore nodes, BlueChiLink blueChi, LiveNodes live, RolloutKeeper rollouts, UnitLeases leases, UnitOperations operations, HostUnits hostUnits, TimeProvider time)
{
    private static readonly TimeSpan BusyFor = TimeSpan.FromSeconds(1);

    /// <summary>Checks a request and takes its unit; what is wrong with it is a status.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="dryRun">Whether only what would be is asked for.</param>
    /// <param name="ct">Ends the look at the unit.</param>
    /// <exception cref="Grpc.Core.RpcException">As the service says.</exception>
    public async Task<Mutation<V1.Operation>> PrepareAsync(UnitRequest request, string actor, bool dryRun, CancellationToken ct)
    {
        var values = Check(request);
        if ((nodes.Find(request.Node) ?? throw Failures.NotFound("node", request.Node)) is { IsRetired: true } retired)
        {
            throw Refused(request, "RETIRED", $"Node {request.Node} was retired by {retired.Decision!.Actor}, because {retired.Decision.Reason}; nothing on it is changed any more.");
        }
        var key = UnitTarget.KeyOf(request.Kind, request.Node, request.Unit, request.OnHost);
        Allow(request, key, values);
        var operation = new StoredOperation(Guid.CreateVersion7(time.GetUtcNow()).ToString(), request.Kind, request.Node, request.Unit, actor, request.Reason, time.GetUtcNow())
        {
            Properties = values.ToImmutableSortedDictionary(static value => value.Key.ToString(), static value => value.Value.ToString(), StringComparer.Ordinal),
            OnHost = request.OnHost,
            Message = "accepted",
        };
        if (!leases.TryTakeFor(request.Node, key, request.Kind == OperationKind.StopUnit, operation.ToString(), out var lease, out var heldBy))
        {
            throw Busy(request, $"{heldBy} has {request.Unit} on {request.Node}");
        }

        try
        {
            var state = await ReadAsync(request, key, ct).ConfigureAwait(false);
            operation = operation with { ActiveState = state.ActiveState, InvocationId = state.InvocationId };
        }
        catch (Exception)
        {
            lease.Dispose();
            throw;
        }

        var fleet = FleetOf(request.Node)?.Name ?? "";
        return new(tx =>
        {
            if (OperationStore.CountOpen(tx) >= OperationStore.MostOpen)
            {
                throw Failures.Make(Code.ResourceExhausted, "TOO_MANY_OPERATIONS", $"{OperationStore.MostOpen} operations go on already. Ask again when some have ended.");
            }
            OperationStore.Begin(tx, operation, fleet);
            var answer = operation.ToWire();
            // What does not go on cannot be asked for.
            answer.Name = dryRun ? "" : answer.Name;
            return answer;
        })
        {
            Stored = () => operations.Begin(operation, lease),
            NotStored = lease.Dispose,
        };
    }

    private static ImmutableSortedDictionary<ResourceProperty, ResourceValue> Check(UnitRequest request)
    {
        var problems = new List<Problem>();
        if (request.Reason.Length > Reasons.Longest)
        {
            problems.Add(new("reason", $"it has {request.Reason.Length} characters; at most {Reasons.Longest} are kept"));
        }
        if (!UnitName.IsValid(request.Unit, out var problem))
        {
            problems.Add(new("unit", problem));
        }
        else if (UnitName.IsTemplate(request.Unit))
        {
            problems.Add(new("unit", $"\"{request.Unit}\" is a template, which never runs itself; name an instance of it"));
        }
        var values = request.Kind == OperationKind.SetUnitProperties ? UnitProperties.Read(request.Properties, problems) : ImmutableSortedDictionary<ResourceProperty, ResourceValue>.Empty;
        return problems.Count == 0 ? values : throw Failures.Invalid(problems);
    }

    private void Allow(UnitRequest request, UnitKey key, ImmutableSortedDictionary<ResourceProperty, ResourceValue> values)
    {
        var environment = FleetOf(request.Node) is { } fleet ? fleet.Environments.GetValueOrDefault(fleet.Revision) : null;
        if (!request.OnHost && environment?.Oom.Asil.ContainsKey(request.Unit) == true)
        {
            throw Refused(request, "OUT_OF_REACH", $"{request.Unit} is a safety unit of {request.Node}; units outside QM are never touched (rule 6).");
        }
        if (request.Unit == QmNode.Unit && (request.OnHost || key.Node != request.Node))
        {
            throw Refused(request, "OUT_OF_REACH", $"{QmNode.Unit} is QM as a whole and on the host of {request.Node}; restart it with RestartQm, limit it with SetUnitProperties.");
        }
        if (UnitGuard.Refusal(key.Node, key.Unit, UnitTarget.VerbOf(request.Kind), request.OnHost && hostUnits.Find(request.Node, request.Unit) is not null) is { } refusal)
        {
            throw Refused(request, "OUT_OF_REACH", $"{refusal}.");
        }
        var set = values.Keys.Where(property => !request.OnHost && IsSetByFleet(environment, request.Unit, property)).ToList();
        if (set.Count > 0)
        {
            throw Refused(
                request, "SET_BY_FLEET",
                $"Fleet {FleetOf(request.Node)!.Name} sets {string.Join(", ", set)} of {request.Unit} on {request.Node}, and would put it back. Change it in the fleet.");
        }
        if (UnitProperties.Undetermined(values, live.Find(request.Node)?.View.Evidence?.Machine ?? new MachineFacts(0, 0)) is { } undetermined)
        {
            throw Refused(request, "MACHINE_UNKNOWN", $"{undetermined}.");
        }
        if (blueChi.PresenceOf(key.Node) != Presence.Online)
        {
            throw NotHeard(request, blueChi.Current is null ? $"BlueChi is not heard: {blueChi.NotConnectedBecause}" : $"BlueChi says {key.Node} is offline");
        }
        if (FleetOf(request.Node) is { } moving && rollouts.MemberOf(moving.Name, request.Node) is { State: MemberState.Moving or MemberState.Returning } member)
        {
            throw Busy(request, $"The rollout of fleet {moving.Name} is at work on {request.Node} ({member.State})");
        }
    }

    private async Task<UnitState> ReadAsync(UnitRequest request, UnitKey key, CancellationToken ct)
    {
        try
        {
            var current = blueChi.Current ?? throw NotHeard(request, $"BlueChi is not heard: {blueChi.NotConnectedBecause}");
            var state = await current.GetUnitStateAsync(key.Node, key.Unit, ct).ConfigureAwait(false);
            return state.LoadState != "not-found" ? state : throw Failures.Make(
                Code.NotFound, "NOT_FOUND",
                $"There is no unit \"{request.Unit}\" {(key.Node == request.Node ? $"on {request.Node}" : $"inside QM of {request.Node}; units outside QM are out of reach")}.",
                Facts(request), new ResourceInfo { ResourceType = "qm.fleet/v1/unit", ResourceName = request.Unit, Owner = request.Node });
        }
        catch (BlueChiException e)
        {
            throw NotHeard(request, e.Message);
        }
    }

    private DesiredFleet? FleetOf(string node) => live.Find(node)?.Assignment.Fleet;

    private static bool IsSetByFleet(FleetEnvironment? environment, string unit, ResourceProperty property) => environment is not null && (unit == QmNode.Unit
        ? environment.Resources.ContainsKey(property)
        : environment.Workloads.FirstOrDefault(workload => $"{workload.Name}.service" == unit)?.Quadlet.GetValueOrDefault("Service")?.ContainsKey(property.ToString()) == true);

    private Dictionary<string, string> Facts(UnitRequest request) => new()
    {
        ["node"] = request.Node,
        ["unit"] = request.Unit,
        ["fleet"] = FleetOf(request.Node)?.Name ?? "",
        ["phase"] = live.Find(request.Node)?.Phase.Current.Phase.ToString() ?? "",
    };

    private Grpc.Core.RpcException Refused(UnitRequest request, string reason, string message) => Failures.Make(Code.FailedPrecondition, reason, message, Facts(request));

    private Grpc.Core.RpcException NotHeard(UnitRequest request, string why) =>
        Failures.Make(Code.FailedPrecondition, "NOT_HEARD", $"{request.Unit} on {request.Node} cannot be reached: {why}. Nothing was done.", Facts(request));

    private Grpc.Core.RpcException Busy(UnitRequest request, string who) => Failures.Make(
        Code.Aborted, "BUSY", $"{who}. Nothing was done; ask again when that is over.", Facts(request), new RetryInfo { RetryDelay = Duration.FromTimeSpan(BusyFor) });
}

using System.Threading.Channels;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.V1;
using Status = Google.Rpc.Status;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A FleetService that remembers what it was asked and answers as a test tells it to.</summary>
internal sealed class FakeFleets : FleetService.FleetServiceBase
{
    private readonly Channel<FleetChange?> _changes = Channel.CreateUnbounded<FleetChange?>();

    public List<V1.Fleet> Stored { get; } = [];

    public List<ApplyFleetsRequest> Applies { get; } = [];

    public List<ListFleetsRequest> Lists { get; } = [];

    public int Watches { get; private set; }

    /// <summary>What is wrong with a request; nothing unless a test says otherwise.</summary>
    public Func<ApplyFleetsRequest, IEnumerable<(string Field, string Description)>> Violations { get; set; } = _ => [];

    /// <summary>What is done to a fleet; by default it is created with revision 9f3a61c2 and rollout 1.</summary>
    public Func<V1.Fleet, AppliedFleet> Answer { get; set; } = fleet => Applied(fleet.Metadata.Name, ApplyResult.Created, "9f3a61c2", 1);

    public static AppliedFleet Applied(string name, ApplyResult result, string revision, int? rollout) => new()
    {
        Fleet = new() { Metadata = new() { Name = name }, Status = new() { Revision = revision } },
        Result = result,
        Operation = rollout is null ? null : new() { Name = $"operations/{name}/{rollout}", Kind = "Rollout", Target = $"fleet/{name}" },
    };

    public static RpcException Invalid(IEnumerable<(string Field, string Description)> violations)
    {
        var bad = new BadRequest();
        bad.FieldViolations.AddRange(violations.Select(violation => new BadRequest.Types.FieldViolation { Field = violation.Field, Description = violation.Description }));
        return new Status { Code = (int)Code.InvalidArgument, Message = "invalid", Details = { Google.Protobuf.WellKnownTypes.Any.Pack(bad) } }.ToRpcException();
    }

    /// <summary>Says how far a rollout is, to whoever watches now or next.</summary>
    public void Tell(string name, int rollout, Rollout.Types.Phase phase, int ready, string message) => _changes.Writer.TryWrite(new()
    {
        Type = ChangeType.Modified,
        Fleet = new()
        {
            Metadata = new() { Name = name },
            Status = new() { Nodes = 3, Ready = ready, Rollout = new() { Name = $"{name}/{rollout}", Fleet = name, Phase = phase, Message = message } },
        },
    });

    public void TellDeleted(string name) => _changes.Writer.TryWrite(new() { Type = ChangeType.Deleted, Fleet = new() { Metadata = new() { Name = name } } });

    public void TellSnapshotIsOver() => _changes.Writer.TryWrite(new() { Type = ChangeType.Bookmark });

    /// <summary>Breaks the watch off, as a controller that stops does.</summary>
    public void GoAway() => _changes.Writer.TryWrite(null);

    public override Task<ApplyFleetsResponse> Apply(ApplyFleetsRequest request, ServerCallContext context)
    {
        Applies.Add(request);
        var violations = Violations(request).ToArray();
        return violations.Length > 0
            ? throw Invalid(violations)
            : Task.FromResult(new ApplyFleetsResponse { Results = { request.Fleets.Select(Answer) } });
    }

    /// <summary>Answers Plan, one for each fleet asked about.</summary>
    public Func<V1.Fleet, FleetPlan> Planned { get; set; } = fleet => new() { Fleet = fleet.Metadata.Name, Result = ApplyResult.Created, ToRevision = "9f3a61c2", Matching = 3, Pace = "maxUnavailable 1, soak 0 s" };

    public List<PlanFleetsRequest> Plans { get; } = [];

    public override Task<PlanFleetsResponse> Plan(PlanFleetsRequest request, ServerCallContext context)
    {
        Plans.Add(request);
        var violations = Violations(new() { Fleets = { request.Fleets } }).ToArray();
        return violations.Length > 0 ? throw Invalid(violations) : Task.FromResult(new PlanFleetsResponse { Plans = { request.Fleets.Select(Planned) } });
    }

    public override Task<AppliedFleet> Update(UpdateFleetRequest request, ServerCallContext context)
    {
        var fleet = Find(request.Fleet.Metadata.Name);
        fleet.Metadata.Labels.Clear();
        fleet.Metadata.Labels.Add(request.Fleet.Metadata.Labels);
        return Task.FromResult(new AppliedFleet { Fleet = fleet, Result = ApplyResult.Configured });
    }

    public override Task<V1.Fleet> Get(GetFleetRequest request, ServerCallContext context) => Task.FromResult(Find(request.Name));

    public override Task<ListFleetsResponse> List(ListFleetsRequest request, ServerCallContext context)
    {
        Lists.Add(request);
        return Task.FromResult(new ListFleetsResponse { Fleets = { Stored } });
    }

    public override Task<V1.Fleet> Delete(DeleteFleetRequest request, ServerCallContext context)
    {
        var fleet = Find(request.Name);
        Stored.Remove(fleet);
        return Task.FromResult(fleet);
    }

    public override async Task Watch(WatchFleetsRequest request, IServerStreamWriter<FleetChange> responseStream, ServerCallContext context)
    {
        Watches++;
        await foreach (var change in _changes.Reader.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(change ?? throw new RpcException(new(StatusCode.Unavailable, "stopping")));
        }
    }

    private V1.Fleet Find(string name) =>
        Stored.FirstOrDefault(fleet => fleet.Metadata.Name == name) ?? throw new RpcException(new(StatusCode.NotFound, $"Fleet {name} not found"));
}

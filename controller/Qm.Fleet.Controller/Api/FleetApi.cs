using Grpc.Core;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Telemetry;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.V1;
using FleetChange = Qm.Fleet.V1.FleetChange;

namespace Qm.Fleet.Controller.Api;

/// <summary>Fleets on the wire.</summary>
internal sealed class FleetApi(FleetStore store, ILiveStatus live, ChangeFeed feed) : FleetService.FleetServiceBase
{
    private const int MaxFleets = 100;

    public override async Task<ApplyFleetsResponse> Apply(ApplyFleetsRequest request, ServerCallContext context)
    {
        var drafts = Check(request);
        var changes = await store.ApplyAsync(drafts, context.Caller().Actor, request.DryRun, context.CancellationToken);
        Sources.Applies.Add(request.DryRun ? 0 : changes.Count);
        var response = new ApplyFleetsResponse();
        response.Results.AddRange(changes.Select(change =>
        {
            change.Fleet.Status = live.Fleet(change.Fleet.Metadata.Name);
            change.Fleet.Status.Revision = change.Revision;
            return new AppliedFleet { Fleet = change.Fleet, Result = change.Result, Operation = change.Rollout is { } rollout ? ToOperation(rollout) : null };
        }));
        return response;
    }

    public override Task<V1.Fleet> Get(GetFleetRequest request, ServerCallContext context) =>
        Task.FromResult(Find(request.Name) ?? throw Errors.NotFound("Fleet", request.Name));

    public override Task<ListFleetsResponse> List(ListFleetsRequest request, ServerCallContext context)
    {
        var selector = Paging.Selector(request.Selector);
        var (fleets, next) = Paging.Take<V1.Fleet>(
            (after, limit) => [.. store.List(after, limit).Select(WithStatus)],
            fleet => fleet.Metadata.Name, fleet => Matches(selector, fleet), request.PageSize, request.PageToken);
        return Task.FromResult(new ListFleetsResponse { Fleets = { fleets }, NextPageToken = next });
    }

    public override async Task<V1.Fleet> Delete(DeleteFleetRequest request, ServerCallContext context) =>
        (await store.DeleteAsync(request.Name, context.Caller().Actor, context.CancellationToken))?.ToWire()
            ?? throw Errors.NotFound("Fleet", request.Name);

    public override Task Watch(WatchFleetsRequest request, IServerStreamWriter<FleetChange> responseStream, ServerCallContext context)
    {
        var selector = Paging.Selector(request.Selector);
        return Watching.RunAsync(
            feed, ResourceKind.Fleet, () => store.List("", int.MaxValue).Select(WithStatus), Find, fleet => fleet.Metadata,
            fleet => Matches(selector, fleet), (type, fleet) => new FleetChange { Type = type, Fleet = fleet }, responseStream, context.CancellationToken);
    }

    public override Task<ListRevisionsResponse> ListRevisions(ListRevisionsRequest request, ServerCallContext context)
    {
        var size = Paging.Size(request.PageSize);
        var token = Paging.Read(request.PageToken).Split('/');
        var (fleet, number) = token is [var name, var text] && long.TryParse(text, out var parsed) ? (name, parsed) : ("", long.MaxValue);
        var rows = store.ListRevisions(request.Fleet, fleet, number, size + 1);
        var response = new ListRevisionsResponse { Revisions = { rows.Take(size).Select(row => row.ToWire()) } };
        if (rows.Count > size)
        {
            response.NextPageToken = Paging.Token($"{rows[size - 1].Fleet}/{Paging.Number(rows[size - 1].Number)}");
        }

        return Task.FromResult(response);
    }

    private static List<FleetDraft> Check(ApplyFleetsRequest request)
    {
        if (request.Fleets.Count is 0 or > MaxFleets)
        {
            throw Errors.Invalid("fleets", $"{request.Fleets.Count} fleets; expected 1 to {MaxFleets}");
        }

        var problems = new List<(string, Problem)>();
        var drafts = new List<FleetDraft>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var index = 0; index < request.Fleets.Count; index++)
        {
            var field = $"fleets[{index}]";
            var parsed = FleetParser.Parse(WireManifests.ToManifest(request.Fleets[index]));
            problems.AddRange(parsed.Problems.Select(problem => (field, problem)));
            if (parsed.IsValid(out var spec))
            {
                drafts.Add(new(request.Fleets[index], spec));
                if (!names.Add(spec.Name))
                {
                    problems.Add((field, new("metadata.name", $"\"{spec.Name}\" stands twice in the request")));
                }
            }
        }

        return problems.Count == 0 ? drafts : throw Errors.Invalid(problems);
    }

    private V1.Fleet? Find(string name) => store.Find(name) is { } row ? WithStatus(row) : null;

    private V1.Fleet WithStatus(FleetRow row)
    {
        var fleet = row.ToWire();
        fleet.Status = live.Fleet(row.Name);
        fleet.Status.Revision = row.Revision;
        return fleet;
    }

    private static bool Matches(Core.Selectors.LabelSelector selector, V1.Fleet fleet) =>
        selector.Matches(fleet.Metadata.Labels.ToDictionary(StringComparer.Ordinal));

    private static Operation ToOperation(StoredRollout rollout) => new()
    {
        Name = $"operations/{rollout.Fleet}/{Paging.Number(rollout.Number)}",
        Kind = "Rollout",
        Target = $"fleet/{rollout.Fleet}",
        Done = rollout.Phase is RolloutPhase.Succeeded or RolloutPhase.Superseded,
        StartedAt = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(rollout.StartedAt),
    };
}

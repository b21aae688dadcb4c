using System.Collections.Immutable;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed class RolloutApi(RolloutStore rollouts, FleetStore fleets, RolloutKeeper keeper, Mutations mutations, ILiveStatus live) : V1.RolloutService.RolloutServiceBase
{
    // By fleet, newest first.
    private static readonly ImmutableArray<bool> FleetAndNumber = [true, false];

    /// <inheritdoc/>
    public override Task<V1.Rollout> Get(V1.GetRolloutRequest request, ServerCallContext context)
    {
        var mask = ReadMask.Check(V1.Rollout.Descriptor, request.ReadMask);
        var rollout = (request.Number >= 0 ? rollouts.Find(request.Fleet, request.Number) : null)
            ?? throw Failures.NotFound("rollout", string.Create(CultureInfo.InvariantCulture, $"{request.Fleet}/{request.Number}"));
        return Task.FromResult(mask.Apply(ToWire(rollout)));
    }

    /// <inheritdoc/>
    public override Task<V1.ListRolloutsResponse> List(V1.ListRolloutsRequest request, ServerCallContext context)
    {
        var query = ListQuery<V1.Rollout>.Read(
            new(request.PageSize, request.PageToken) { FieldSelector = request.FieldSelector, ReadMask = request.ReadMask, Scope = request.Fleet }, FleetAndNumber, context.View().Sees);
        var begin = query.After is [{ Text: { } fleet }, var number] ? (fleet, number.Number) : ("", 0L);
        var page = query.InOrder(
            Pages.All(begin, (after, limit) => rollouts.After(request.Fleet, after.Item1, after.Item2, limit), static rollout => (rollout.Fleet, (long)rollout.Number), query.Size + 1),
            ToWire, static rollout => [rollout.Fleet, rollout.Number]);
        return Task.FromResult(new V1.ListRolloutsResponse { Rollouts = { page.Items }, NextPageToken = page.Next });
    }

    /// <inheritdoc/>
    public override Task<V1.Rollout> Pause(V1.PauseRolloutRequest request, ServerCallContext context) => ChangeAsync(
        request, request.Fleet, (state, now) => RolloutVerbs.Pause(state, context.Caller().Actor, request.Reason, now), "RolloutStopped", request.Reason, context);

    /// <inheritdoc/>
    public override Task<V1.Rollout> Resume(V1.ResumeRolloutRequest request, ServerCallContext context) => ChangeAsync(
        request, request.Fleet, (state, _) => RolloutVerbs.Resume(state), "RolloutResumed", request.Reason, context);

    /// <inheritdoc/>
    public override Task<V1.Rollout> Abort(V1.AbortRolloutRequest request, ServerCallContext context) => ChangeAsync(
        request, request.Fleet, (state, _) => RolloutVerbs.Abort(state, context.Caller().Actor, request.Reason), "RolloutAborted", request.Reason, context);

    /// <inheritdoc/>
    public override Task<V1.Rollout> Retry(V1.RetryRolloutRequest request, ServerCallContext context) => mutations.RunAsync(request, context, tx =>
    {
        var reason = Reasons.Check(request.Reason);
        if (RolloutStore.Newest(tx, request.Fleet) is { } rollout && request.Nodes.FirstOrDefault(node => !rollout.State.Members.ContainsKey(node)) is { } unknown)
        {
            throw Failures.NotFound("node of the rollout", unknown);
        }
        return Change(
            tx, request.Fleet, (state, now) => RolloutVerbs.Retry(state, request.Nodes, now), "RolloutRetried", context.Caller().Actor,
            $"{(request.Nodes.Count == 0 ? "everywhere" : string.Join(", ", request.Nodes))}{(reason.Length == 0 ? "" : $": {reason}")}");
    });

    /// <inheritdoc/>
    public override Task<V1.AppliedFleet> Undo(V1.UndoRolloutRequest request, ServerCallContext context) => mutations.RunAsync(request, context, tx =>
    {
        var reason = Reasons.Check(request.Reason);
        var fleet = FleetRows.Find(tx, request.Fleet) ?? throw Failures.NotFound("fleet", request.Fleet);
        var revision = request.Revision.Length > 0 ? request.Revision : fleet.Rollout?.FromRevision ?? "";
        if (revision.Length == 0)
        {
            throw Failures.Precondition($"Fleet {request.Fleet} has had no revision before {fleet.Revision}, so there is nothing to go back to.");
        }
        if (revision == Removal.Revision)
        {
            throw Failures.Precondition($"Before {fleet.Revision} the nodes of fleet {request.Fleet} had nothing of it. Delete the fleet to go back to that.");
        }
        var wire = fleet.Wire.Clone();
        wire.Environment = (FleetRows.Revision(tx, request.Fleet, revision) ?? throw Failures.NotFound("revision", $"{request.Fleet}/{revision}")).Environment;
        var parsed = Manifests.Parse(new V1.Metadata { Name = fleet.Name, Labels = { fleet.Labels.ToDictionary() } }, wire);
        if (!parsed.IsValid(out var spec))
        {
            throw Failures.Precondition($"Revision {revision} is no longer valid: {string.Join("; ", parsed.Problems)}.");
        }
        var (after, result, begun) = FleetStore.Apply(tx, new FleetDraft(spec, wire), context.Caller().Actor, reason);
        return new V1.AppliedFleet { Fleet = after.ToWire(live), Result = result, Operation = request.DryRun ? null : begun?.ToOperation() };
    });

    /// <inheritdoc/>
    public override Task<V1.RolloutExplanation> Explain(V1.ExplainRolloutRequest request, ServerCallContext context)
    {
        var fleet = fleets.Find(request.Fleet) ?? throw Failures.NotFound("fleet", request.Fleet);
        var rollout = rollouts.Find(request.Fleet) ?? throw Failures.NotFound("rollout of fleet", request.Fleet);
        var known = keeper.Find(request.Fleet) is { } found && found.Fleet.Revision == rollout.ToRevision ? found : null;
        var done = rollout.State.Members.Count(member => member.Value.State == MemberState.Done);
        var explanation = new V1.RolloutExplanation
        {
            Rollout = $"{rollout.Fleet}/{rollout.Number}",
            Summary = known?.Decision.Summary ?? $"{done} of {rollout.State.Members.Count} nodes ready; {rollout.Message}",
            Batch = rollout.State.Batch + 1,
            Batches = fleet.Spec.Rollout.Batches.Length,
            PausedBy = rollout.State.Stop?.ToString() ?? "",
        };
        var (estimate, now) = known is null ? (null, default) : keeper.EstimateOf(known);
        if (estimate is not null)
        {
            explanation.EstimatedEnd = estimate.End?.ToTimestamp();
            (explanation.NoEstimateBecause, explanation.Never) = (estimate.Because, estimate.Never);
            explanation.BatchStates.AddRange(fleet.Spec.Rollout.Batches.Select((batch, number) => ToWire($"{batch}", number, known!, estimate)));
        }
        explanation.Members.AddRange(rollout.State.Members.Select(member => new V1.RolloutMember
        {
            Node = member.Key,
            State = (V1.RolloutMember.Types.State)member.Value.State,
            Since = member.Value.Since.ToTimestamp(),
            Batch = member.Value.Batch + 1 ?? 0,
            BaseRevision = member.Value.Base,
            Failure = member.Value.Failure,
            Hold = known?.Holds.GetValueOrDefault(member.Key) is { } hold ? ToWire(hold) : null,
            Pace = estimate?.PaceOf(member.Value, now) ?? "",
        }));
        return Task.FromResult(explanation);
    }

    private Task<V1.Rollout> ChangeAsync(
        IMessage request, string fleet, Func<RolloutState, DateTimeOffset, RolloutState?> change, string reason, string why, ServerCallContext context) =>
        mutations.RunAsync(request, context, tx => Change(tx, fleet, change, reason, context.Caller().Actor, Reasons.Check(why)));

    /// <summary>Inside a transaction: what somebody decides about the newest rollout of a fleet.</summary>
    /// <exception cref="RpcException">NOT_FOUND when it has none; FAILED_PRECONDITION when that has ended.</exception>
    internal static V1.Rollout Change(
        WriteTransaction tx, string fleet, Func<RolloutState, DateTimeOffset, RolloutState?> change, string reason, string actor, string why) =>
        RolloutStore.Change(tx, fleet, change, reason, actor, why) switch
        {
            { Rollout: null } => throw Failures.NotFound("rollout of fleet", fleet),
            { IsPossible: false, Rollout: var rollout } => throw Failures.Make(
                Google.Rpc.Code.FailedPrecondition, "ROLLOUT_ENDED", $"Rollout {fleet}/{rollout.Number} has ended: {rollout.Phase}, {rollout.Message}. Apply again to begin another.",
                new Dictionary<string, string> { ["fleet"] = fleet, ["phase"] = rollout.Phase.ToString() }),
            { Rollout: var rollout } => rollout.ToWire(),
        };

    // What a rollout waits for is known better than it is stored.
    private V1.Rollout ToWire(StoredRollout rollout)
    {
        var wire = rollout.ToWire();
        if (wire.Phase == V1.Rollout.Types.Phase.Progressing && keeper.Find(rollout.Fleet) is { } known && known.Fleet.Revision == rollout.ToRevision)
        {
            wire.Message = known.Decision.Message;
        }
        return wire;
    }

    private static V1.RolloutBatchState ToWire(string batch, int number, KnownRollout known, RolloutEstimate estimate)
    {
        var members = known.Decision.State.Members.Where(member => member.Value.Batch == number).ToArray();
        // What it waits for: what moves tells more than what waits for that.
        var held = members.Where(member => !member.Value.IsSettled && known.Holds.ContainsKey(member.Key)).Select(member => known.Holds[member.Key])
            .OrderByDescending(hold => hold.Hold.Never).ThenByDescending(hold => hold.Hold.Gate is "Moving" or "Returning" or "Soaking").FirstOrDefault();
        return new()
        {
            Batch = batch,
            Nodes = members.Length,
            Done = members.Count(member => member.Value.State == MemberState.Done),
            Failed = members.Count(member => member.Value.HasFailed),
            Hold = held is null ? null : ToWire(held),
            EstimatedEnd = number < estimate.Batches.Length ? estimate.Batches[number]?.ToTimestamp() : null,
        };
    }

    private static V1.RolloutHold ToWire(SinceHold hold)
    {
        var wire = hold.Hold.ToWire();
        wire.Since = hold.Since.ToTimestamp();
        return wire;
    }
}

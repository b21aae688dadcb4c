using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Operations;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed class OperationApi(OperationList list, UnitOperations operations, RolloutKeeper rollouts, ChangeFeed feed, WatchStreams streams, Mutations mutations, TimeProvider time) : V1.OperationService.OperationServiceBase
{
    /// <summary>How many operations one List looks at for those that are selected; a page that was not full by then has a token.</summary>
    private const int MaxLooked = 20_000;

    // Newest first.
    private static readonly ImmutableArray<bool> TimeAndKey = [false, true];
    private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    /// <inheritdoc/>
    public override Task<V1.Operation> Get(V1.GetOperationRequest request, ServerCallContext context) => Task.FromResult(Shown(Find(request.Name, context)));

    /// <inheritdoc/>
    public override Task<V1.ListOperationsResponse> List(V1.ListOperationsRequest request, ServerCallContext context)
    {
        var query = ListQuery<V1.Operation>.Read(new(request.PageSize, request.PageToken) { FieldSelector = request.FieldSelector }, TimeAndKey);
        var view = context.View();
        var begin = query.After is [var started, { Text: { } key }] ? new(started.Number, key) : OperationPlace.First;
        // Not by the query: where a page ended is told, and that is a name.
        var page = query.InOrder(
            Pages.All(begin, list.After, Place, query.Size + 1).Where(view.Sees), static one => one.ToWire(), static one => [one.Place.StartedAt, one.Place.Key], MaxLooked);
        return Task.FromResult(new V1.ListOperationsResponse { Operations = { page.Items }, NextPageToken = page.Next });

        // Nobody waits any more for what would go on through all of them.
        OperationPlace Place(AnyOperation one)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            return one.Place;
        }
    }

    /// <inheritdoc/>
    public override async Task<V1.Operation> Wait(V1.WaitOperationRequest request, ServerCallContext context)
    {
        var wait = request.Timeout is null ? DefaultWait : WaitOf(request.Timeout);
        using var end = streams.Link(context);
        using var over = new CancellationTokenSource(wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(end.Token, over.Token);
        using var changes = feed.Subscribe(ResourceKind.Operation, ResourceKind.Fleet);
        var found = Find(request.Name, context);
        while (!found.HasEnded)
        {
            try
            {
                // What ends it is told under one name; what else changes is no reason to read the store.
                while (!(await changes.WaitAsync(either.Token).ConfigureAwait(false)).Contains(found.Key))
                {
                    either.Token.ThrowIfCancellationRequested();
                }
            }
            catch (OperationCanceledException) when (!end.IsCancellationRequested)
            {
                return Shown(Find(request.Name, context));
            }
            found = Find(request.Name, context);
        }
        return found.ToWire();
    }

    /// <inheritdoc/>
    public override Task<V1.Operation> Cancel(V1.CancelOperationRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        var (view, cancelled) = (context.View(), "");
        return Task.FromResult(new Mutation<V1.Operation>(tx =>
        {
            var (reason, actor) = (Reasons.Check(request.Reason), context.Caller().Actor);
            var found = Seen(OperationList.Find(tx, request.Name), request.Name, view);
            if (found.HasEnded)
            {
                return found.ToWire();
            }
            if (found.Rollout is { } rollout)
            {
                if (NodeRemoval.NodeOf(rollout.Fleet) is not null)
                {
                    NodeRemoval.Cancel(tx, RolloutRows.WithMembers(tx, rollout), actor, reason);
                }
                else
                {
                    RolloutApi.Change(tx, rollout.Fleet, (state, _) => RolloutVerbs.Abort(state, actor, reason), "RolloutAborted", actor, reason);
                }
                return OperationList.Find(tx, request.Name)!.ToWire();
            }
            var operation = OperationStore.Cancel(tx, found.OfUnit!, actor, reason);
            cancelled = operation.Id;
            return operation.ToWire();
        })
        {
            Stored = () =>
            {
                if (cancelled.Length > 0)
                {
                    operations.Cancel(cancelled, context.Caller().Actor);
                }
            },
        });
    });

    // What a rollout waits for is known better than it is stored.
    private V1.Operation Shown(AnyOperation found)
    {
        var wire = found.ToWire();
        if (found is { HasEnded: false, Rollout: { } rollout } && rollouts.WaitsFor(rollout) is { } message)
        {
            wire.Message = message;
        }
        return wire;
    }

    // As things are now: who waits may have lost sight of it meanwhile.
    private AnyOperation Find(string name, ServerCallContext context)
    {
        var view = context.View();
        view.Forget();
        return Seen(list.Find(name), name, view);
    }

    private static AnyOperation Seen(AnyOperation? found, string name, AccessView view) =>
        found is null ? throw Failures.NotFound("operation", name) : view.Sees(found) ? found : throw view.Outside(name);

    private static TimeSpan WaitOf(Duration timeout)
    {
        // Not all that can be sent is a time.
        var wait = timeout.Seconds is >= 0 and <= 600 && timeout.Nanos is >= 0 and < Duration.NanosecondsPerSecond ? timeout.ToTimeSpan() : TimeSpan.MaxValue;
        return wait <= LongestWait ? wait : throw Failures.Invalid("timeout", $"{timeout.Seconds} s is not within 0 and {LongestWait.TotalSeconds:0} s");
    }
}

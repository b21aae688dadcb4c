using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A RolloutService over a list, newest first; decisions are written down and answered with the newest.</summary>
internal sealed class FakeRollouts : RolloutService.RolloutServiceBase
{
    public List<Rollout> Stored { get; } = [];

    /// <summary>The requests of decisions, in order.</summary>
    public List<object> Decisions { get; } = [];

    public RolloutExplanation Explanation { get; set; } = new();

    public override Task<Rollout> Get(GetRolloutRequest request, ServerCallContext context) => Task.FromResult(Find(request.Fleet, request.Number));

    public override Task<ListRolloutsResponse> List(ListRolloutsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListRolloutsResponse { Rollouts = { Stored.Where(rollout => request.Fleet.Length == 0 || rollout.Fleet == request.Fleet) } });

    public override Task<Rollout> Pause(PauseRolloutRequest request, ServerCallContext context) => Decide(request, request.Fleet);

    public override Task<Rollout> Resume(ResumeRolloutRequest request, ServerCallContext context) => Decide(request, request.Fleet);

    public override Task<Rollout> Abort(AbortRolloutRequest request, ServerCallContext context) => Decide(request, request.Fleet);

    public override Task<Rollout> Retry(RetryRolloutRequest request, ServerCallContext context) => Decide(request, request.Fleet);

    public override Task<AppliedFleet> Undo(UndoRolloutRequest request, ServerCallContext context)
    {
        Decisions.Add(request);
        Find(request.Fleet, 0);
        return Task.FromResult(FakeFleets.Applied(request.Fleet, ApplyResult.Configured, request.Revision.Length > 0 ? request.Revision : "9f3a61c2", 8));
    }

    public override Task<RolloutExplanation> Explain(ExplainRolloutRequest request, ServerCallContext context) => Task.FromResult(Explanation);

    private Task<Rollout> Decide(object request, string fleet)
    {
        Decisions.Add(request);
        var rollout = Find(fleet, 0);
        if (request is AbortRolloutRequest)
        {
            (rollout.Phase, rollout.EndedAt, rollout.Message) = (Rollout.Types.Phase.Aborted, rollout.StartedAt, "ended by admin:ann");
        }

        return Task.FromResult(rollout);
    }

    private Rollout Find(string fleet, int number) =>
        Stored.Find(rollout => rollout.Fleet == fleet && (number == 0 || rollout.Name == $"{fleet}/{number}"))
        ?? throw new RpcException(new(StatusCode.NotFound, $"Fleet {fleet} has no rollout{(number == 0 ? "" : $" {number}")}"));
}

using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Plans;

/// <summary>What would be done to one node, decided by the very code that does it.</summary>
/// <param name="Acts">In order.</param>
/// <param name="End">Where that leads: Ready, or what it would wait for or fail of.</param>
public sealed record NodeForecast(ImmutableArray<NodeStep.Act> Acts, NodeStep End)
{
    // A node needs a handful of acts and one for each workload; anything else goes round in circles.
    private const int MaxActs = 500;

    /// <summary>The way of a node to the revision it is wanted to have, if every act does what it is meant to and nothing else happens.</summary>
    /// <param name="view">The node as it is now, with the revision it shall have; whether it may move makes no difference.</param>
    /// <param name="before">What it has now; null when that is not known, and then limits that the new revision no longer sets are not foreseen.</param>
    /// <param name="now">The time.</param>
    public static NodeForecast Of(NodeView view, RenderedRevision? before, DateTimeOffset now)
    {
        if (view.Desired is not { } desired)
        {
            return new([], NodeReconciler.Decide(view, now));
        }

        var prediction = new Prediction(view with { MayMove = false, Memory = new() { Revision = desired.Name, StepSince = now } }, desired, before);
        var acts = ImmutableArray.CreateBuilder<NodeStep.Act>();
        while (true)
        {
            switch (NodeReconciler.Decide(prediction.View, now))
            {
                case NodeStep.Act act when acts.Count < MaxActs:
                    acts.Add(act);
                    prediction.After(act);
                    break;
                case NodeStep.Act act:
                    return new(acts.ToImmutable(), new NodeStep.Failed($"it would need more than {MaxActs} acts, the last of them {act.Name}: {act.Reason}"));
                // As its rollout does it: staged first, and then its turn.
                case NodeStep.Wait { For: "Turn" } when !prediction.View.MayMove:
                    prediction.Allow();
                    break;
                // What is not there to be read before it is done will be.
                case NodeStep.Ready when acts.Count > 0:
                    return new(acts.ToImmutable(), new NodeStep.Ready("everything is as wanted, and read back"));
                case var end:
                    return new(acts.ToImmutable(), end);
            }
        }
    }
}

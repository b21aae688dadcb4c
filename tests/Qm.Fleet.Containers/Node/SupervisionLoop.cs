using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Containers.Node;

/// <summary>Something that was done about a unit.</summary>
/// <param name="At">When.</param>
/// <param name="Heal">What.</param>
/// <param name="Before">The unit that failed, as systemd told it then; null when it did not.</param>
internal sealed record Healing(DateTimeOffset At, NodeStep.Heal Heal, UnitReading? Before);

/// <summary>
/// Supervises one unit inside QM. Real: the judgement (Supervisor), the calls of an act (NodeCall), and both systemds, which are asked and told what BlueChi's
/// agents would ask and tell them.
/// </summary>
/// <param name="systemd">The node's.</param>
/// <param name="unit">What is looked after, beside qm.service.</param>
/// <param name="policy">How.</param>
internal sealed class SupervisionLoop(GuestSystemd systemd, string unit, SupervisionPolicy policy)
{
    // Far beyond what any policy of a test takes: a test that waits in vain says what for.
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);

    private readonly List<Healing> _done = [];
    private NodeSupervision _state = NodeSupervision.New;

    /// <summary>What was done, in order.</summary>
    internal IReadOnlyList<Healing> Done => _done;

    /// <summary>Looks, judges and acts until a judgement fits.</summary>
    internal async Task<SupervisionVerdict> UntilAsync(Predicate<SupervisionVerdict> fits, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Deadline);
        SupervisionVerdict? verdict = null;
        try
        {
            while (true)
            {
                verdict = await TurnAsync(limit.Token);
                if (fits(verdict))
                {
                    return verdict;
                }

                await Task.Delay(LookAgain, limit.Token);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException($"after {Deadline.TotalMinutes:0} minutes it is still at {verdict?.Step?.Name}: {verdict?.Step?.Reason}; done: {string.Join("; ", _done.Select(done => done.Heal.Reason))}");
        }
    }

    private async Task<SupervisionVerdict> TurnAsync(CancellationToken ct)
    {
        var host = await systemd.ReadAsync(insideQm: false, [QmNode.Unit], ct);
        var inside = await systemd.ReadAsync(insideQm: true, [unit], ct);
        var view = new SupervisionView { Revision = "r1", IsSettled = true, Host = Presence.Online, Qm = host.GetValueOrDefault(QmNode.Unit), Workloads = inside };
        var now = TimeProvider.System.GetUtcNow();
        var verdict = Supervisor.Judge(view, _state, policy, now);
        _state = verdict.State;
        if (verdict.Step is NodeStep.Heal heal)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{now:HH:mm:ss.fff} {heal.Reason}");
            _state = Supervisor.Acting(_state, heal, policy, now);
            _done.Add(new(now, heal, inside.GetValueOrDefault(heal.For)));
            foreach (var call in NodeCall.Of(heal, ContainerNode.Name))
            {
                await DoAsync(call, ct);
            }
        }

        return verdict;
    }

    private async Task DoAsync(NodeCall call, CancellationToken ct)
    {
        var (verb, name) = call switch
        {
            NodeCall.ResetFailed reset => ("reset-failed", reset.Unit),
            NodeCall.Job { Verb: JobVerb.Restart } job => ("restart", job.Unit),
            _ => throw new InvalidOperationException($"healing calls {call}, which nobody carries out here"),
        };
        Assert.Equal("", await systemd.JobAsync(insideQm: call.Node != ContainerNode.Name, verb, name, ct));
    }
}

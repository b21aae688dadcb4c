using System.Collections.Immutable;
using System.Diagnostics;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;

namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>How a journey to an environment ended.</summary>
/// <param name="Step">The last step: Ready, Failed, or a wait that only people end.</param>
/// <param name="Acts">What was done on the way, in order.</param>
/// <param name="Evidence">What the agent extension read last.</param>
internal sealed record Journey(NodeStep Step, IReadOnlyList<NodeStep.Act> Acts, NodeEvidence Evidence);

/// <summary>
/// Brings a node to an environment. Real: the decisions (NodeReconciler), the files (RevisionRenderer), the gateway with its links, the agent extension,
/// systemd, Podman and the kernel. Not real: BlueChi. What the controller would ask of it goes to the node's systemd at once, and a node counts as online
/// while the stand-in of its agent is active.
/// </summary>
/// <param name="node">Its name.</param>
/// <param name="links">The gateway's.</param>
/// <param name="systemd">The node's.</param>
/// <param name="clock">How fast it is.</param>
internal sealed class FleetLoop(string node, AgentLinks links, GuestSystemd systemd, SlowClock clock)
{
    // Far beyond what any journey takes: a test that waits in vain says what for.
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan AgentDeadline = TimeSpan.FromMinutes(6);

    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(3);

    private NodeMemory _memory = new();

    /// <summary>Looks, decides, acts, and looks again, until nothing is left to do or to wait for.</summary>
    /// <param name="environment">What the node shall run.</param>
    /// <param name="ct">Ends it.</param>
    /// <param name="shedding">Sheds load of the node that is there already; null where no rule does.</param>
    internal async Task<Journey> GoAsync(FleetEnvironment environment, CancellationToken ct, LoadShedding? shedding = null)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Deadline);
        var desired = RevisionRenderer.Render(Canonical.Hash(environment)[..Canonical.NameLength], environment, node);
        var acts = new List<NodeStep.Act>();
        var watch = Stopwatch.StartNew();
        NodeStep? step = null;
        try
        {
            while (true)
            {
                var view = await LookAsync(desired, limit.Token);
                view = shedding is null ? view : await shedding.SeeAsync(view, limit.Token);
                step = NodeReconciler.Decide(view, clock.GetUtcNow());
                step = shedding?.Next(view, step) ?? step;
                _memory = _memory.Deciding(step, clock.GetUtcNow());
                switch (step)
                {
                    case NodeStep.Act act:
                        acts.Add(act);
                        var (outcome, detail) = await DoAsync(act, limit.Token);
                        TestContext.Current.TestOutputHelper?.WriteLine($"{watch.Elapsed.TotalSeconds,6:0.0} s {act.Name}: {act.Reason}: {outcome} {detail}");
                        _memory = _memory.After(act, outcome, detail, view, clock.GetUtcNow());
                        break;
                    case NodeStep.Wait wait when wait is not { For: Drift.Step }:
                        await ChangeAsync(wait, limit.Token);
                        break;
                    default:
                        return new(step, acts, view.Evidence!);
                }
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException($"after {Deadline.TotalMinutes:0} minutes it is still at {step?.Name}: {step?.Reason}; done: {string.Join(", ", acts.Select(act => act.Name))}");
        }
    }

    /// <summary>Brings the node to an environment, and expects that all of it was read back as wanted.</summary>
    internal async Task<Journey> ReadyAsync(FleetEnvironment environment, LoadShedding? shedding = null)
    {
        var journey = await GoAsync(environment, TestContext.Current.CancellationToken, shedding);
        Assert.True(journey.Step is NodeStep.Ready, $"{journey.Step.Name}: {journey.Step.Reason}; done: {string.Join(", ", journey.Acts.Select(act => act.Name))}");
        return journey;
    }

    /// <summary>Waits until the agent extension is connected.</summary>
    /// <param name="after">With this time, a link that is newer.</param>
    /// <param name="ct">Ends the wait.</param>
    internal async Task ConnectedAsync(DateTimeOffset? after, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(AgentDeadline);
        using var changed = new SemaphoreSlim(0);
        void Wake(string other) => changed.Release();
        links.Changed += Wake;
        try
        {
            while (!links.IsConnected(node) || (after is not null && links.Since(node) <= after))
            {
                await changed.WaitAsync(limit.Token);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException($"the agent extension did not connect within {AgentDeadline.TotalMinutes:0} minutes:\n" + await systemd.JournalAsync("qm-fleet-agent", ct));
        }
        finally
        {
            links.Changed -= Wake;
        }
    }

    /// <summary>Sends the agent extension a command.</summary>
    internal Task<CommandResult> SendAsync(Command command, CancellationToken ct) => links.SendAsync(node, command, AgentDeadline, ct);

    /// <summary>What the agent extension reads now.</summary>
    internal async Task<NodeReport> InspectAsync(CancellationToken ct)
    {
        await SendAsync(new() { Inspect = new() }, ct);
        return links.LastReport(node)!.Report;
    }

    private async Task<NodeView> LookAsync(RenderedRevision desired, CancellationToken ct)
    {
        _memory = _memory.For(desired.Name, clock.GetUtcNow());
        var evidence = EvidenceMapper.ToEvidence(await InspectAsync(ct));
        var host = await systemd.ReadAsync(insideQm: false, [QmNode.Unit, QmNode.AgentUnit, .. desired.Environment.Oom.Asil.Keys, .. evidence.RetiredSafetyUnits], ct);
        var inside = evidence.Oom.QmInit == 0 ? ImmutableSortedDictionary<string, UnitReading>.Empty : await systemd.ReadAsync(
            insideQm: true, desired.Environment.Workloads.Select(workload => workload.Name).Concat(evidence.RetiredWorkloads).Distinct()
                .Select(workload => workload + ".service").Append(QmNode.AgentUnit), ct);
        return new()
        {
            Name = node,
            Desired = desired,
            MayMove = true,
            // The agent extension counts in real time, and everything it waits for takes longer here.
            LinkConfirmWithin = ConfirmDeadline.Link * clock.Slower,
            Host = Presence.Online,
            Qm = inside.GetValueOrDefault(QmNode.AgentUnit) is { ActiveState: "active" } ? Presence.Online : Presence.Offline,
            Evidence = evidence.With(host.GetValueOrDefault(QmNode.Unit)),
            QmUnit = host.GetValueOrDefault(QmNode.Unit),
            HostUnits = host.Remove(QmNode.Unit),
            QmUnits = inside,
            Memory = _memory,
        };
    }

    private async Task<(ActOutcome Outcome, string Detail)> DoAsync(NodeStep.Act act, CancellationToken ct)
    {
        switch (act)
        {
            case NodeStep.Stage stage:
                return Outcome(await SendAsync(new() { Stage = NodeActor.ToWire(stage.Revision) }, ct));
            case NodeStep.Commit commit:
                return Outcome(await SendAsync(new() { Commit = new() { Revision = commit.Revision, ConfirmWithinMs = (long)commit.ConfirmWithin.TotalMilliseconds } }, ct));
            case NodeStep.Confirm confirm:
                return Outcome(await SendAsync(new() { Confirm = new() { Revision = confirm.Revision } }, ct));
            case NodeStep.RestartHostAgent:
                return Outcome(await SendAsync(new() { RestartHostAgent = new() }, ct));
            case NodeStep.SetLimits limits:
                await systemd.SetAsync(limits.Properties, ct);
                return (ActOutcome.Done, "");
            case NodeStep.Freeze freeze:
                await systemd.FreezeAsync(freeze.Unit, isToFreeze: true, ct);
                return (ActOutcome.Done, "");
            case NodeStep.Thaw thaw:
                await systemd.FreezeAsync(thaw.Unit, isToFreeze: false, ct);
                return (ActOutcome.Done, "");
            case NodeStep.ReloadHost:
                await systemd.ReloadAsync(insideQm: false, ct);
                return (ActOutcome.Done, "");
            case NodeStep.StartQm or NodeStep.RestartQm:
                await systemd.ReloadAsync(insideQm: false, ct);
                return Outcome(await systemd.JobAsync(insideQm: false, act is NodeStep.StartQm ? "start" : "restart", QmNode.Unit, ct));
            case NodeStep.RestartQmAgent:
                return Outcome(await systemd.JobAsync(insideQm: true, "restart", QmNode.AgentUnit, ct));
            case NodeStep.StopWorkload stop:
                var stopped = await systemd.JobAsync(insideQm: true, "stop", stop.Unit, ct);
                await systemd.ReloadAsync(insideQm: true, ct);
                return Outcome(stopped);
            case NodeStep.RunWorkload run:
                await systemd.ReloadAsync(insideQm: true, ct);
                return Outcome(await systemd.JobAsync(insideQm: true, run.Restart ? "restart" : "start", run.Unit, ct));
            default:
                throw new InvalidOperationException($"an act without a hand to do it: {act.Name}");
        }
    }

    private static (ActOutcome Outcome, string Detail) Outcome(CommandResult result) => result.Ok ? (ActOutcome.Done, "") : (ActOutcome.Refused, $"{result.Reason}: {result.Message}");

    private static (ActOutcome Outcome, string Detail) Outcome(string problem) => problem.Length == 0 ? (ActOutcome.Done, "") : (ActOutcome.Failed, problem);

    // Until the agent extension tells something, or it is time to look again.
    private async Task ChangeAsync(NodeStep.Wait wait, CancellationToken ct)
    {
        var left = wait.LookAgain is { } look ? look - clock.GetUtcNow() : Longest;
        using var changed = new SemaphoreSlim(0);
        void Wake(string other) => changed.Release();
        links.Changed += Wake;
        try
        {
            await changed.WaitAsync(left < Shortest ? Shortest : left > Longest ? Longest : left, ct);
        }
        finally
        {
            links.Changed -= Wake;
        }
    }
}

using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Grpc.Core;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Processes;
using Qm.Fleet.V1;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>One way for a node to be lost.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="Finding">What it is found to be.</param>
/// <param name="BeginAsync">Plays it.</param>
/// <param name="EndAsync">Takes it back.</param>
internal sealed record DetectedFault(string Name, NodePhase.Types.Phase Finding, Func<Task> BeginAsync, Func<Task> EndAsync);

/// <summary>A lab of two nodes with the settings that the README recommends; faults are played on the second, which nobody heals.</summary>
internal sealed partial class DetectionLab : IAsyncDisposable
{
    private const string Node = "ecu2";
    private const int Continue = 18, Stop = 19;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);
    private readonly LabEnvironment _lab;

    private DetectionLab(LabEnvironment lab) => _lab = lab;

    /// <summary>The five of them.</summary>
    internal ImmutableArray<DetectedFault> Faults =>
    [
        new("cut cable", NodePhase.Types.Phase.Unreachable, () => CableAsync(cut: true), () => CableAsync(cut: false)),
        new("frozen agent", NodePhase.Types.Phase.AgentLost, () => _lab.Faults.FreezeAsync(Node), () => _lab.Faults.ThawAsync(Node)),
        new("dead QM", NodePhase.Types.Phase.QmDown, KillQmAsync, StartQmAsync),
        new("dead extension", NodePhase.Types.Phase.ExtensionLost, () => Agent.KillAsync(), () => _lab.StartAgentAsync($"agent-{Node}", _lab.Nodes.Where(static node => node.Name == Node))),
        new("dead BlueChi", NodePhase.Types.Phase.BluechiLost, () => _lab.BlueChi.StopAsync(clean: false), () => _lab.BlueChi.StartAgainAsync()),
    ];

    private ChildProcess Agent => _lab.Agents.Last(static agent => agent.Name == $"agent-{Node}");

    internal static async Task<DetectionLab> StartAsync(CancellationToken ct)
    {
        var lab = new DetectionLab(await LabEnvironment.StartAsync(
            new() { Nodes = 2, Heartbeats = Heartbeats.Recommended, Timings = NodeTimings.Fast with { AgentRetry = TimeSpan.FromSeconds(1) } }, static (_, _, _) => { }, TimeProvider.System, ct));
        var request = new ApplyNodesRequest { Nodes = { new Node { Metadata = new() { Name = Node }, Spec = new() { Maintenance = true } } } };
        await new NodeService.NodeServiceClient(lab._lab.Channel).ApplyAsync(request, cancellationToken: ct);
        return lab;
    }

    /// <summary>Plays a fault on a node that is well, and takes it back.</summary>
    /// <returns>When it was told as pending, and when it was said.</returns>
    internal async Task<(TimeSpan Pending, TimeSpan Said)> PlayAsync(DetectedFault fault, CancellationToken ct)
    {
        await UntilAsync(static phase => phase is { Phase: NodePhase.Types.Phase.Healthy, Pending: 0 }, "the node is well", ct);
        var begun = Stopwatch.GetTimestamp();
        await fault.BeginAsync();
        var pending = await UntilAsync(phase => phase.Pending == fault.Finding || phase.Phase == fault.Finding, $"{fault.Finding} is pending", ct);
        var said = await UntilAsync(phase => phase.Phase == fault.Finding, $"{fault.Finding} is said", ct);
        await fault.EndAsync();
        return (Stopwatch.GetElapsedTime(begun, pending), Stopwatch.GetElapsedTime(begun, said));
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    private async Task<long> UntilAsync(Func<NodePhase, bool> done, string what, CancellationToken ct)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ct);
        late.CancelAfter(Deadline);
        NodePhase? last = null;
        try
        {
            using var watch = new NodeService.NodeServiceClient(_lab.Channel).Watch(new(), cancellationToken: late.Token);
            await foreach (var change in watch.ResponseStream.ReadAllAsync(late.Token))
            {
                if (change.Node is { Metadata.Name: Node, Status.Phase: { } phase } && done(last = phase))
                {
                    return Stopwatch.GetTimestamp();
                }
            }
        }
        catch (RpcException e) when (late.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new TimeoutException($"not within {Deadline.TotalSeconds:0} s: {what}; it is {last}", e);
        }

        throw new InvalidOperationException($"the watch ended before {what}");
    }

    // Everything of the node falls silent, and no connection is closed: what a cable that is pulled looks like.
    private async Task CableAsync(bool cut)
    {
        Signal(Agent.Id, cut ? Stop : Continue);
        foreach (var name in new[] { Node, QmNode.NameFor(Node) })
        {
            await (cut ? _lab.Faults.CutAsync(name, dataInFlight: true) : _lab.Faults.ClearAsync(name));
        }
    }

    private static void Signal(int pid, int signal)
    {
        if (Kill(pid, signal) != 0)
        {
            throw new InvalidOperationException($"process {pid} cannot be sent signal {signal}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    private Task KillQmAsync()
    {
        _lab.Faults.FailStart(Node, QmNode.Unit, int.MaxValue);
        _lab.Faults.CrashQm(Node);
        return Task.CompletedTask;
    }

    private async Task StartQmAsync()
    {
        await _lab.Faults.ClearAsync(Node);
        await _lab.Nodes.Single(static node => node.Name == Node).Host.RunAsync(JobType.Start, QmNode.Unit);
    }
}

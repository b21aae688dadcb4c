using System.Collections.Concurrent;
using System.Globalization;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Agents;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Control;

/// <summary>
/// Every fault of a lab as one call. Nodes are named as BlueChi does, <c>ecu2</c> for the host's agent and <c>qm.ecu2</c> for QM's; what goes wrong on
/// the ECU itself takes either name. A frozen process is thawed by its end, too; every other fault stays on until it is ended.
/// </summary>
/// <param name="links">The agents, of the emulated bluechi-controller or of a real one; what an emulated one alone can do throws <see cref="InvalidOperationException"/> with a real one.</param>
/// <param name="nodes">The emulated nodes.</param>
/// <param name="reboot">Reboots a node with everything that belongs to it.</param>
/// <param name="time">The clock.</param>
/// <param name="extensions">The agent extensions; null where there are none, and faults of theirs throw <see cref="InvalidOperationException"/>.</param>
internal sealed partial class FaultInjector(
    IAgentLinks links, IReadOnlyList<EmulatedNode> nodes, Func<EmulatedNode, CancellationToken, Task> reboot, TimeProvider time, IExtensions? extensions = null) : IAsyncDisposable
{
    private const string AgentUnit = "bluechi-agent.service";
    private const string QmPrefix = "qm.";
    private readonly EmulatedBlueChi? _emulated = links as EmulatedBlueChi;
    private readonly ConcurrentDictionary<string, SignalFlood> _floods = new();
    private readonly CancellationTokenSource _end = new();
    private (bool Killed, Task Running) _restart = (false, Task.CompletedTask);

    /// <summary>The names that faults can be given to: of every host, then of every QM.</summary>
    public IReadOnlyList<string> NodeNames { get; } = [.. nodes.Select(node => node.Name), .. nodes.Select(node => QmPrefix + node.Name)];

    /// <summary>How long the controller waits for an agent that does not answer.</summary>
    public TimeSpan AgentTimeout => _emulated?.Faults.AgentTimeout ?? new LabFaults().AgentTimeout;

    private LabFaults OfController => Emulated.Faults;

    private EmulatedBlueChi Emulated => _emulated
        ?? throw new InvalidOperationException("only the emulated bluechi-controller can do that, and the nodes of this lab are with a real one; start a lab without --bluechi");

    /// <summary>Stops the agent's process (SIGSTOP): the node stays online, calls time out, and are carried out when it goes on.</summary>
    /// <exception cref="InvalidOperationException">No agent of that name lives.</exception>
    public Task FreezeAsync(string node) => links.FreezeAsync(node);

    /// <summary>Lets a frozen agent go on (SIGCONT).</summary>
    /// <exception cref="InvalidOperationException">No agent of that name lives.</exception>
    public Task ThawAsync(string node) => links.ThawAsync(node);

    /// <inheritdoc cref="IAgentLinks.CutAsync"/>
    public Task CutAsync(string node, bool dataInFlight) => links.CutAsync(node, dataInFlight);

    /// <summary>Makes a cut link whole.</summary>
    /// <param name="node">The agent's node.</param>
    /// <param name="fresh">Whether the agent's process was restarted meanwhile, and so tells its units again.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="InvalidOperationException">QM, whose agent is to be restarted, does not run; or it is the whole cable that is cut.</exception>
    public async Task HealAsync(string node, bool fresh, CancellationToken cancellation)
    {
        if (HasCutCable(node))
        {
            throw new InvalidOperationException($"the whole cable of {EcuOf(node).Name} is cut; lab clear {EcuOf(node).Name} mends it");
        }

        if (fresh)
        {
            await SystemdOf(node).RunAsync(JobType.Restart, AgentUnit, cancellation).ConfigureAwait(false);
        }

        await links.HealAsync(node).ConfigureAwait(false);
    }

    /// <summary>Every call to the node takes longer.</summary>
    public void Delay(string node, TimeSpan by) => OfController.DelayCalls(node, by);

    /// <summary>Another client asks for the same as the next job on the node; only the newer of the two is ever removed.</summary>
    public void MergeJobs(string node) => OfController.MergeNextJob(node, true);

    /// <summary>The agent tells properties of subscribed units again and again; in place of an earlier flood.</summary>
    /// <param name="node">The agent's node.</param>
    /// <param name="rate">Signals per second, 1 to 100000.</param>
    /// <param name="duration">For how long; null for until it is cleared.</param>
    public async Task FloodAsync(string node, int rate, TimeSpan? duration)
    {
        await EndFloodAsync(node).ConfigureAwait(false);
        _floods[node] = new SignalFlood(links, node, rate, duration, time);
    }

    /// <summary>Calls to the node are answered with an error.</summary>
    public void Refuse(string node, Refusal refusal) => OfController.Refuse(node, refusal);

    /// <summary>Every operation on a unit of the ECU takes longer.</summary>
    public void Slow(string node, string unit, TimeSpan by) => EcuOf(node).Faults.SlowDown(unit, by);

    /// <summary>The next starts of a unit of the ECU fail.</summary>
    public void FailStart(string node, string unit, int times) => EcuOf(node).Faults.FailStarts(unit, times);

    /// <summary>Kills QM's init once.</summary>
    /// <exception cref="InvalidOperationException">QM does not run.</exception>
    public void CrashQm(string node) => _ = RunningQmOf(node).CrashQmAsync();

    /// <summary>Kills QM's init now, if it runs, and after every start.</summary>
    public void CrashLoop(string node)
    {
        var ecu = EcuOf(node);
        ecu.Faults.CrashLoops = true;
        _ = ecu.CrashQmAsync();
    }

    /// <summary>Kills a container inside QM as the kernel does when memory runs out.</summary>
    /// <exception cref="InvalidOperationException">QM, or that workload in it, does not run.</exception>
    public void KillWorkload(string node, string workload)
    {
        RunningWorkloadOf(node, workload);
        _ = EcuOf(node).KillWorkloadAsync(workload);
    }

    /// <summary>The command that probes a container inside QM fails, whoever starts it again.</summary>
    /// <exception cref="InvalidOperationException">QM, or that workload in it, does not run.</exception>
    public void FailProbe(string node, string workload) =>
        EcuOf(node).Faults.FailProbe(RunningWorkloadOf(node, workload).Loaded?.Setting("X-Container", "ContainerName") ?? $"systemd-{workload}");

    /// <summary>Kills QM's init as the kernel does when qm.service reaches its limit.</summary>
    /// <exception cref="InvalidOperationException">QM does not run.</exception>
    public void KillQmAtItsLimit(string node) => _ = RunningQmOf(node).KillQmAtItsLimitAsync();

    /// <summary>Has the ECU run out of memory; answers the unit whose process dies.</summary>
    /// <exception cref="InvalidOperationException">QM does not run.</exception>
    public string KillForMachine(string node) => RunningQmOf(node).KillForMachine();

    /// <summary>Takes the power away and boots again.</summary>
    public Task RebootAsync(string node, CancellationToken cancellation) => reboot(EcuOf(node), cancellation);

    /// <summary>Ends bluechi-controller and starts another; the task ends when it is back.</summary>
    /// <param name="killed">Whether it disappears without a word.</param>
    /// <param name="down">How long there is none.</param>
    /// <exception cref="InvalidOperationException">It is down already.</exception>
    public Task RestartBlueChi(bool killed, TimeSpan down)
    {
        if (!_restart.Running.IsCompleted)
        {
            throw new InvalidOperationException("bluechi-controller is down already; it comes back by itself");
        }

        _restart = (killed, Emulated.RestartAsync(clean: !killed, down, _end.Token));
        return _restart.Running;
    }

    /// <summary>The faults that are on, bluechi-controller's first, then by node.</summary>
    public IReadOnlyList<ActiveFault> List() =>
    [
        .. _restart.Running.IsCompleted ? Array.Empty<ActiveFault>() : [new(ActiveFault.BlueChi, "restart", _restart.Killed ? "down, killed" : "down")],
        .. nodes.SelectMany(node => OfAgent(node.Name).Concat(OfExtension(node)).Concat(OfEcu(node)).Concat(OfAgent(QmPrefix + node.Name))),
    ];

    /// <summary>Ends every fault, or those of an ECU with its QM (<c>ecu2</c>), or those of its QM's agent alone (<c>qm.ecu2</c>); answers them.</summary>
    public async Task<IReadOnlyList<ActiveFault>> ClearAsync(string? node)
    {
        bool IsMeant(string name) => node is null || name == node || name == QmPrefix + node;
        var ended = List().Where(fault => fault.Node != ActiveFault.BlueChi && IsMeant(fault.Node)).ToArray();
        foreach (var name in NodeNames.Where(IsMeant))
        {
            await EndFloodAsync(name).ConfigureAwait(false);
            await EndFlapAsync(name).ConfigureAwait(false);
            _emulated?.Faults.DelayCalls(name, TimeSpan.Zero);
            _emulated?.Faults.Refuse(name, null);
            _emulated?.Faults.MergeNextJob(name, false);
            var (frozen, cut, _) = links.LinkOf(name);
            if (frozen)
            {
                await links.ThawAsync(name).ConfigureAwait(false);
            }

            if (cut && !HasCutCable(name))
            {
                await links.HealAsync(name).ConfigureAwait(false);
            }
        }

        foreach (var ecu in nodes.Where(ecu => IsMeant(ecu.Name)))
        {
            await ClearNodeAsync(ecu).ConfigureAwait(false);
        }

        return ended;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        foreach (var node in _floods.Keys)
        {
            await EndFloodAsync(node).ConfigureAwait(false);
        }

        foreach (var node in _flaps.Keys)
        {
            await EndFlapAsync(node).ConfigureAwait(false);
        }

        foreach (var disk in _disks.Values)
        {
            disk.Dispose();
        }

        try
        {
            await _restart.Running.ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or BusException)
        {
            // The lab ends while bluechi-controller is down.
        }

        _end.Dispose();
    }

    private IEnumerable<ActiveFault> OfAgent(string node)
    {
        var (frozen, cut, dataInFlight) = links.LinkOf(node);
        if (frozen)
        {
            yield return new(node, "freeze", "");
        }

        if (_flaps.GetValueOrDefault(node) is { } flap)
        {
            yield return new(node, "flap", $"every {ActiveFault.Text(flap.Every)}");
        }
        else if (cut && !HasCutCable(node))
        {
            yield return new(node, "cut", dataInFlight ? "data in flight" : "");
        }

        if (_emulated?.Faults.DelayOf(node) is { } by && by > TimeSpan.Zero)
        {
            yield return new(node, "delay", ActiveFault.Text(by));
        }

        if (_emulated?.Faults.MergesNextJob(node) ?? false)
        {
            yield return new(node, "merge-jobs", "the next job");
        }

        if (_floods.GetValueOrDefault(node) is { IsOn: true } flood)
        {
            yield return new(node, "flood", string.Create(CultureInfo.InvariantCulture, $"{flood.Rate}/s{(flood.Duration is { } duration ? " for " + ActiveFault.Text(duration) : "")}"));
        }

        if (_emulated?.Faults.RefusalOf(node) is { } refusal)
        {
            yield return new(node, "refuse", string.Join(' ', new[] { refusal.Method, refusal.Unit, refusal.Error }.Where(part => part is not null)));
        }
    }

    private static IEnumerable<ActiveFault> OfEcu(EmulatedNode node) =>
    [
        .. node.Faults.CrashLoops ? [new(node.Name, "crash-loop", "")] : Array.Empty<ActiveFault>(),
        .. node.Faults.CrashingUnits.Select(unit => new ActiveFault(node.Name, "crash-loop", unit)),
        .. node.Faults.Delays.Select(slow => new ActiveFault(node.Name, "slow", $"{slow.Key} {ActiveFault.Text(slow.Value)}")).OrderBy(fault => fault.Detail, StringComparer.Ordinal),
        .. node.Faults.FailingStarts.Select(fail => new ActiveFault(node.Name, "fail-start", string.Create(CultureInfo.InvariantCulture, $"{fail.Key} {fail.Value}")))
            .OrderBy(fault => fault.Detail, StringComparer.Ordinal),
        .. node.Faults.FailingProbes.Select(container => new ActiveFault(node.Name, "fail-probe", container)),
    ];

    private async Task EndFloodAsync(string node)
    {
        if (_floods.TryRemove(node, out var flood))
        {
            await flood.DisposeAsync().ConfigureAwait(false);
        }
    }

    private EmulatedNode EcuOf(string node) => nodes.First(ecu => node == ecu.Name || node == QmPrefix + ecu.Name);

    private EmulatedNode RunningQmOf(string node) =>
        EcuOf(node) is { Qm: not null } ecu && ecu.Host.Find("qm.service") is { IsActive: true } ? ecu : throw new InvalidOperationException($"QM of {EcuOf(node).Name} does not run");

    private EmulatedUnit RunningWorkloadOf(string node, string workload)
    {
        var ecu = RunningQmOf(node);
        EmulatedUnit[] running = [.. ecu.Qm!.Systemd.Units.Where(unit => unit is { IsActive: true, Body: WorkloadBody })];
        return running.FirstOrDefault(unit => unit.Name == $"{workload}.service") ?? throw new InvalidOperationException(
            $"workload {workload} does not run in QM of {ecu.Name}; {(running.Length == 0 ? "none does" : $"running are {string.Join(", ", running.Select(unit => Path.GetFileNameWithoutExtension(unit.Name)))}")}");
    }

    private EmulatedSystemd SystemdOf(string node) => EcuOf(node) is var ecu && node == ecu.Name ? ecu.Host : RunningQmOf(node).Qm!.Systemd;
}

using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Agent.Probes;

/// <summary>Makes one probe.</summary>
internal interface IProber
{
    /// <summary>Makes it, within its timeout; how it ends is an outcome, never an exception.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    Task<ProbeOutcome> ProbeAsync(ProbedWorkload workload, ProbeTarget target, CancellationToken cancellationToken);
}

/// <summary>Makes probes on this node.</summary>
/// <param name="root">The node.</param>
/// <param name="isMachine">Whether that is this machine, or an emulated node.</param>
/// <param name="programs">The node's podman.</param>
/// <param name="time">Times timeouts; its clock is the node's.</param>
internal sealed class Prober(NodeRoot root, bool isMachine, NodePrograms programs, TimeProvider time) : IProber
{
    private const int ThreadStackBytes = 256 * 1024;
    private readonly QmEntrance _qm = new(root, isMachine);
    private readonly ExecProbe _exec = new(programs, new ProbeProcesses(root, isMachine, time), time);
    private readonly ConcurrentDictionary<string, bool> _apart = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public async Task<ProbeOutcome> ProbeAsync(ProbedWorkload workload, ProbeTarget target, CancellationToken cancellationToken)
    {
        var timeout = TimeSpan.FromSeconds(workload.Probe.TimeoutSeconds);
        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            var outcome = await (workload.Probe.Action switch
            {
                ProbeAction.Exec exec => _exec.RunAsync(workload, target, exec.Command, timeout, cancellationToken),
                ProbeAction.TcpSocket tcp => SocketProbe.ConnectAsync(_qm, target, tcp, either.Token),
                ProbeAction.UnixSocket unix => LookApartAsync(workload.Unit, target, unix.Path, opened => SocketProbe.Connect(opened, unix.Path, timeout), either.Token),
                ProbeAction.HeartbeatFile file => LookApartAsync(workload.Unit, target, file.Path, opened => HeartbeatProbe.Judge(opened, file, time.GetUtcNow()), either.Token),
                var other => throw new ArgumentOutOfRangeException(nameof(workload), other, "an action that nobody makes"),
            }).ConfigureAwait(false);
            return outcome with { Message = ProbeMessage.Of(outcome.Message) };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ProbeOutcome.Failure(FormattableString.Invariant($"no answer within {timeout.TotalSeconds:0} s"));
        }
        catch (NodeFileException e)
        {
            return ProbeOutcome.Unknown(ProbeMessage.Of($"The agent {e.Message}."));
        }
    }

    // QM may have file systems of its own making, one of which never answers: the thread that waits for it is no other work's, and there is one at most.
    private Task<ProbeOutcome> LookApartAsync(string unit, ProbeTarget target, string path, Func<SafeFileHandle, ProbeOutcome> judge, CancellationToken timeout)
    {
        if (!_apart.TryAdd(unit, true))
        {
            return Task.FromResult(ProbeOutcome.Failure($"{path}: QM's file system has not answered an earlier probe yet"));
        }

        var done = new TaskCompletionSource<ProbeOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(LookOnce, ThreadStackBytes) { IsBackground = true, Name = "qm-files" }.Start();
        return done.Task.WaitAsync(timeout);

        void LookOnce()
        {
            try
            {
                var outcome = Look(target, path, judge);
                _apart.TryRemove(unit, out _);
                done.SetResult(outcome);
            }
            catch (NodeFileException e)
            {
                _apart.TryRemove(unit, out _);
                done.SetException(e);
            }
        }
    }

    private ProbeOutcome Look(ProbeTarget target, string path, Func<SafeFileHandle, ProbeOutcome> judge)
    {
        using var inside = _qm.OpenRoot(target);
        try
        {
            using var opened = inside.OpenPath(path);
            return judge(opened);
        }
        catch (NodeFileException e)
        {
            return ProbeOutcome.Failure(e.Message);
        }
    }
}

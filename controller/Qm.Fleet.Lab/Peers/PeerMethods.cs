using System.Collections.Concurrent;
using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Agents;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Peers;

/// <summary><c>org.eclipse.bluechi.internal.Agent</c>: what bluechi-controller asks of an agent, one call after the other on the connection's thread.</summary>
/// <param name="node">The agent's name.</param>
/// <param name="systemd">The systemd it speaks for.</param>
/// <param name="units">Whom subscriptions go to.</param>
/// <param name="counters">Counts the calls that change something.</param>
/// <param name="emit">Tells of jobs.</param>
/// <param name="emitMetrics">Tells how long they took.</param>
internal sealed class PeerMethods(string node, EmulatedSystemd systemd, PeerUnits units, CallCounters counters, PeerSignal emit, PeerSignal emitMetrics)
{
    private readonly ConcurrentDictionary<uint, UnitOperation> _jobs = new();
    private volatile bool _metrics;

    /// <summary>Answers one call.</summary>
    public async Task AnswerAsync(MethodCall call)
    {
        try
        {
            if (!TryAnswerOwn(call))
            {
                await AnswerForSystemdAsync(call).ConfigureAwait(false);
            }
        }
        catch (BlueChiError e)
        {
            throw new BusErrorException(e.ErrorName, e.Message);
        }
        catch (SystemdRefusal e)
        {
            throw new BusErrorException(e.ErrorName, e.Message);
        }
    }

    // What the agent does by itself.
    private bool TryAnswerOwn(MethodCall call)
    {
        switch (call.Member, call.Signature)
        {
            case ("Subscribe", "s"):
                units.Subscribe(call.Body[0].AsText());
                break;
            case ("Unsubscribe", "s"):
                units.Unsubscribe(call.Body[0].AsText());
                break;
            case ("EnableMetrics", ""):
                SetMetrics(true);
                break;
            case ("DisableMetrics", ""):
                SetMetrics(false);
                break;
            case ("JobCancel", "u"):
                Cancel(call.Body[0].AsUInt32());
                break;
            case ("StartDep", "s"):
                RunDependency(JobType.Start, call.Body[0].AsText());
                break;
            case ("StopDep", "s"):
                RunDependency(JobType.Stop, call.Body[0].AsText());
                break;
            default:
                return false;
        }

        call.Reply();
        return true;
    }

    private async Task AnswerForSystemdAsync(MethodCall call)
    {
        if (!AgentMethods.All.TryGetValue(call.Member, out var method))
        {
            throw BlueChiError.UnknownMethod(call.Member);
        }

        // A job comes with the number that the controller has given it.
        if (call.Signature != (method.Job is null ? method.Signature : method.Signature + "u"))
        {
            throw BlueChiError.InvalidArguments($"Invalid arguments '{call.Signature}' to call {call.Member}.");
        }

        if (method.Changes)
        {
            counters.Count(node, call.Member);
        }

        if (method.Job is { } type)
        {
            StartJob(call, type);
        }
        else
        {
            call.Reply(await method.Answer(systemd, call.Body).ConfigureAwait(false));
        }
    }

    private void StartJob(MethodCall call, JobType type)
    {
        var (unit, mode, id) = (call.Body[0].AsText(), call.Body[1].AsText(), call.Body[2].AsUInt32());
        var time = systemd.Node.Time;
        var begun = time.GetTimestamp();
        UnitOperation operation;

        // systemd tells under this gate: nothing of the job leaves before the reply.
        lock (systemd.Node.Gate)
        {
            operation = systemd.Accept(type, unit, mode, state => emit("JobStateChanged", id, state), result =>
            {
                if (_metrics)
                {
                    emitMetrics("AgentJobMetrics", unit, call.Member, (ulong)time.GetElapsedTime(begun).TotalMicroseconds);
                }

                emit("JobDone", id, result);
            });
            _jobs[id] = operation;
            call.Reply();
        }

        _ = operation.Ended.ContinueWith(
            _ => Forget(operation), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        systemd.Run(operation);
    }

    // Of jobs that folded into one, only the newest was told of; all are over.
    private void Forget(UnitOperation operation)
    {
        foreach (var job in _jobs.Where(job => job.Value == operation))
        {
            _jobs.TryRemove(job);
        }
    }

    private void Cancel(uint id) => systemd.Cancel(_jobs.GetValueOrDefault(id) ?? throw BlueChiError.Failed($"No job with ID '{id}' found"));

    private void SetMetrics(bool on)
    {
        if (_metrics == on)
        {
            throw BlueChiError.InvalidArguments($"Metrics already {(on ? "enabled" : "disabled")}");
        }

        _metrics = on;
    }

    // A node without the unit cannot help; bluechi-agent logs it and says nothing.
    private void RunDependency(JobType type, string unit)
    {
        try
        {
            systemd.Run(systemd.Accept(type, $"bluechi-dep@{unit}", "replace"));
        }
        catch (SystemdRefusal)
        {
            // As said: the proxy finds out from the state of the unit.
        }
    }
}

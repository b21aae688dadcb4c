using System.Collections.Frozen;
using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>The methods that ask an agent: <c>org.eclipse.bluechi.Node</c>, and the lists over all nodes.</summary>
internal sealed class NodeMethods
{
    private const string AgentUnit = "bluechi-agent.service";
    private readonly EmulatedBlueChi _blueChi;
    private readonly FrozenDictionary<string, Method> _methods;
    private int _ownRestarts;

    public NodeMethods(EmulatedBlueChi blueChi)
    {
        _blueChi = blueChi;
        _methods = new Dictionary<string, Method>
        {
            ["StartUnit"] = Job(JobType.Start),
            ["StopUnit"] = Job(JobType.Stop),
            ["RestartUnit"] = Job(JobType.Restart),
            ["ReloadUnit"] = Job(JobType.Reload),
            ["Reload"] = new("", true, async (session, _) =>
            {
                await session.Systemd.DaemonReloadAsync(CancellationToken.None).ConfigureAwait(false);
                return [];
            }),
            ["SetUnitProperties"] = Now("sba(sv)", true, (session, body) => session.Systemd.SetProperties(
                body[0].AsText(), body[1].AsBoolean(), [.. body[2].AsItems().Select(item => KeyValuePair.Create(item.AsItems()[0].AsText(), item.AsItems()[1].AsInner()))])),
            ["FreezeUnit"] = Now("s", true, (session, body) => session.Systemd.SetFrozen(body[0].AsText(), true)),
            ["ThawUnit"] = Now("s", true, (session, body) => session.Systemd.SetFrozen(body[0].AsText(), false)),
            ["ResetFailed"] = Now("", true, (session, _) => session.Systemd.ResetFailed(null)),
            ["ResetFailedUnit"] = Now("s", true, (session, body) => session.Systemd.ResetFailed(body[0].AsText())),
            ["KillUnit"] = Now("ssi", true, Kill),
            ["GetUnitProperties"] = Value("ss", (session, body) => BusValue.Properties(session.Systemd.Properties(body[0].AsText(), body[1].AsText()))),
            ["GetUnitProperty"] = Value("sss", (session, body) => new BusValue.Variant(session.Systemd.Properties(body[0].AsText(), body[1].AsText())
                .GetValueOrDefault(body[2].AsText()) ?? throw BlueChiError.UnknownProperty(body[2].AsText()))),
            ["GetUnitFileState"] = Value("s", (session, body) => session.Systemd.Find(body[0].AsText())?.Loaded?.UnitFileState
                ?? throw new BlueChiError("org.freedesktop.DBus.Error.FileNotFound", "No such file or directory")),
            ["ListUnits"] = Value("", (session, _) => Methods.UnitList(session)),
            ["ListUnitFiles"] = Value("", (session, _) => Methods.UnitFileList(session)),
        }.ToFrozenDictionary();
    }

    private delegate Task<ImmutableArray<BusValue>> Answer(AgentSession session, ImmutableArray<BusValue> body);

    /// <summary>Answers a call to a node, or a list over all.</summary>
    public Task HandleAsync(MethodCall call) => call.Interface == BlueChiNames.Node ? AskNodeAsync(call) : AskAllAsync(call);

    private async Task AskNodeAsync(MethodCall call)
    {
        NodeEntry? node;
        lock (_blueChi.Gate)
        {
            node = _blueChi.Life.NodeAt(call.Path);
        }

        var session = node is null ? throw BlueChiError.UnknownObject(call.Path) : node.Session ?? throw BlueChiError.Offline();
        if (!_methods.TryGetValue(call.Member, out var method))
        {
            throw BlueChiError.UnknownMethod(call.Member);
        }

        if (call.Signature != method.Signature)
        {
            throw Methods.WrongSignature(call.Member, call.Signature);
        }

        if (method.Changes)
        {
            _blueChi.Counters.Count(node.Name, call.Member);
        }

        await Task.Delay(_blueChi.Faults.DelayOf(node.Name), _blueChi.Time, CancellationToken.None).ConfigureAwait(false);
        var inTime = await AwaitAgentAsync(session).ConfigureAwait(false);
        if (!inTime)
        {
            // The request lies in the agent's socket all the same: it is carried out when the agent goes on, and nobody is told.
            call.ReplyError("org.freedesktop.DBus.Error.NoReply", "Method call timed out");
            await session.Running.ConfigureAwait(false);
        }

        if (session.Ended)
        {
            throw BlueChiError.ConnectionTerminated();
        }

        if (method.Job is not { } type)
        {
            call.Reply(await method.Answer(session, call.Body).ConfigureAwait(false));
        }
        else if (inTime)
        {
            StartJob(call, session, type);
        }
        else
        {
            session.Systemd.Run(session.Systemd.Accept(type, call.Body[0].AsText(), call.Body[1].AsText()));
        }
    }

    // All or nothing: one agent that does not answer fails the list of all.
    private async Task AskAllAsync(MethodCall call)
    {
        AgentSession[] sessions;
        lock (_blueChi.Gate)
        {
            sessions = call.Path == BlueChiNames.Root ? [.. _blueChi.Life.Nodes.Select(node => node.Session).OfType<AgentSession>()] : throw BlueChiError.UnknownObject(call.Path);
        }

        foreach (var session in sessions)
        {
            if (!await AwaitAgentAsync(session).ConfigureAwait(false))
            {
                throw BlueChiError.Failed("Request to at least one node failed: Connection timed out");
            }
        }

        var (signature, list) = call.Member == "ListUnits" ? ("a(ssssssouso)", (Func<AgentSession, BusValue>)Methods.UnitList) : ("a(ss)", Methods.UnitFileList);
        call.Reply(new BusValue.Dictionary("s", signature, [.. sessions.Select(session => KeyValuePair.Create<BusValue, BusValue>(session.Node, list(session)))]));
    }

    private void StartJob(MethodCall call, AgentSession session, JobType type)
    {
        var (unit, mode, node) = (call.Body[0].AsText(), call.Body[1].AsText(), session.Node);

        // An agent that is asked to end itself gets to answer or does not; every second does here.
        if (unit == AgentUnit && type != JobType.Start && Interlocked.Increment(ref _ownRestarts) % 2 == 0)
        {
            session.Systemd.Run(session.Systemd.Accept(type, unit, mode));
            throw BlueChiError.ConnectionTerminated();
        }

        Job job;
        lock (_blueChi.Gate)
        {
            job = _blueChi.Life.CreateJob(node, unit, type);
        }

        try
        {
            job.Operation = session.Systemd.Accept(type, unit, mode,
                state => OnLife(life => life.JobStateChanged(job.Id, node, state)), result => OnLife(life => life.JobFinished(job.Id, node, result)));
        }
        catch (SystemdRefusal)
        {
            OnLife(life => life.Forget(job));
            throw;
        }

        OnLife(life => life.Announce(job, call));
        session.Systemd.Run(job.Operation);
    }

    private void OnLife(Action<ControllerLife> action)
    {
        lock (_blueChi.Gate)
        {
            action(_blueChi.Life);
        }
    }

    private async Task<bool> AwaitAgentAsync(AgentSession session)
    {
        try
        {
            await session.Running.WaitAsync(_blueChi.Faults.AgentTimeout, _blueChi.Time, CancellationToken.None).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static void Kill(AgentSession session, ImmutableArray<BusValue> body)
    {
        const int SigKill = 9;
        var (unit, who) = (body[0].AsText(), body[1].AsText());
        if (who is not ("main" or "control" or "all") || body[2] is not BusValue.Int32 { Value: > 0 and < 65 } signal)
        {
            throw BlueChiError.InvalidArguments($"Invalid who argument or signal: {who}");
        }

        if (signal.Value == SigKill && who != "control")
        {
            _ = session.Systemd.KillAsync(unit, SigKill);
        }
        else if (session.Systemd.Find(unit) is null)
        {
            throw SystemdRefusal.UnitNotLoaded(unit);
        }
    }

    private static Method Job(JobType type) => new("ss", true, (_, _) => Task.FromResult(ImmutableArray<BusValue>.Empty), type);

    private static Method Now(string signature, bool changes, Action<AgentSession, ImmutableArray<BusValue>> action) => new(signature, changes, (session, body) =>
    {
        action(session, body);
        return Task.FromResult(ImmutableArray<BusValue>.Empty);
    });

    private static Method Value(string signature, Func<AgentSession, ImmutableArray<BusValue>, BusValue> value) =>
        new(signature, false, (session, body) => Task.FromResult<ImmutableArray<BusValue>>([value(session, body)]));

    /// <summary>One method of a node.</summary>
    /// <param name="Signature">Of its arguments.</param>
    /// <param name="Changes">Whether it changes something, and is counted.</param>
    /// <param name="Answer">Asks the agent.</param>
    /// <param name="Job">What job it makes; null when it makes none.</param>
    private sealed record Method(string Signature, bool Changes, Answer Answer, JobType? Job = null);
}

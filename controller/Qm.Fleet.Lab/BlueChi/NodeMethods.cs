using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Agents;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>The methods that ask an agent: <c>org.eclipse.bluechi.Node</c>, and the lists over all nodes.</summary>
internal sealed class NodeMethods(EmulatedBlueChi blueChi)
{
    private const string AgentUnit = "bluechi-agent.service";
    private int _ownRestarts;


    /// <summary>Answers a call to a node, or a list over all.</summary>
    public Task HandleAsync(MethodCall call) => call.Interface == BlueChiNames.Node ? AskNodeAsync(call) : AskAllAsync(call);

    private async Task AskNodeAsync(MethodCall call)
    {
        NodeEntry? node;
        lock (blueChi.Gate)
        {
            node = blueChi.Life.NodeAt(call.Path);
        }

        var session = node is null ? throw BlueChiError.UnknownObject(call.Path) : node.Session ?? throw BlueChiError.Offline();
        if (!AgentMethods.All.TryGetValue(call.Member, out var method))
        {
            throw BlueChiError.UnknownMethod(call.Member);
        }

        if (call.Signature != method.Signature)
        {
            throw Methods.WrongSignature(call.Member, call.Signature);
        }

        if (method.Changes)
        {
            blueChi.Counters.Count(node.Name, call.Member);
        }

        if (blueChi.Faults.RefusalOf(node.Name) is { } refusal && Concerns(refusal, call))
        {
            throw new BlueChiError(refusal.Error, $"The lab refuses {call.Member} on {node.Name}.");
        }

        await Task.Delay(blueChi.Faults.DelayOf(node.Name), blueChi.Time, CancellationToken.None).ConfigureAwait(false);
        if (call.Member == "SetLogLevel")
        {
            await blueChi.StallAsync(session.Running).ConfigureAwait(false);
        }

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
            call.Reply(await method.Answer(session.Systemd, call.Body).ConfigureAwait(false));
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
        lock (blueChi.Gate)
        {
            sessions = call.Path == BlueChiNames.Root ? [.. blueChi.Life.Nodes.Select(node => node.Session).OfType<AgentSession>()] : throw BlueChiError.UnknownObject(call.Path);
        }

        foreach (var session in sessions)
        {
            if (!await AwaitAgentAsync(session).ConfigureAwait(false))
            {
                throw BlueChiError.Failed("Request to at least one node failed: Connection timed out");
            }
        }

        var (signature, list) = call.Member == "ListUnits" ? ("a(ssssssouso)", (Func<EmulatedSystemd, BusValue>)AgentMethods.UnitList) : ("a(ss)", AgentMethods.UnitFileList);
        call.Reply(new BusValue.Dictionary("s", signature, [.. sessions.Select(session => KeyValuePair.Create<BusValue, BusValue>(session.Node, list(session.Systemd)))]));
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
        lock (blueChi.Gate)
        {
            job = blueChi.Life.CreateJob(node, unit, type);
        }

        try
        {
            job.Operation = Accept(session, job, type, mode);
        }
        catch (SystemdRefusal)
        {
            OnLife(life => life.Forget(job));
            throw;
        }

        OnLife(life => life.Announce(job, call));
        if (blueChi.Faults.TakeMerge(node))
        {
            FoldIn(session, job, type, mode);
        }

        session.Systemd.Run(job.Operation);
    }

    private UnitOperation Accept(AgentSession session, Job job, JobType type, string mode) => session.Systemd.Accept(type, job.Unit, mode,
        state => OnLife(_ => session.Send(() => blueChi.Life.JobStateChanged(job.Id, job.Node, state))),
        result => OnLife(_ => session.Send(() => blueChi.Life.JobFinished(job.Id, job.Node, result))));

    // Another client asks for the same before the job has ended: systemd makes one of the two, and the agent hears its end as that of the newer.
    private void FoldIn(AgentSession session, Job older, JobType type, string mode)
    {
        Job newer;
        lock (blueChi.Gate)
        {
            blueChi.Life.JobStateChanged(older.Id, older.Node, "running");
            newer = blueChi.Life.CreateJob(older.Node, older.Unit, type);
        }

        newer.Operation = Accept(session, newer, type, mode);
        OnLife(life => life.Announce(newer, call: null));
    }

    private static bool Concerns(Refusal refusal, MethodCall call) =>
        (refusal.Method ?? call.Member) == call.Member
        && (refusal.Unit is null || (call.Signature.StartsWith('s') && call.Body[0].AsText() == refusal.Unit));

    private void OnLife(Action<ControllerLife> action)
    {
        lock (blueChi.Gate)
        {
            action(blueChi.Life);
        }
    }

    private async Task<bool> AwaitAgentAsync(AgentSession session)
    {
        try
        {
            await session.Running.WaitAsync(blueChi.Faults.AgentTimeout, blueChi.Time, CancellationToken.None).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}

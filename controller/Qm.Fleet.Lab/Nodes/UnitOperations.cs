namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// The way of units through their states, in the order a real systemd and podman were seen to take. One operation at a time on a unit: another
/// of the same type folds into it, one of another type cancels it and runs next.
/// </summary>
internal sealed class UnitOperations(EmulatedSystemd systemd)
{
    private readonly NodeContext _node = systemd.Node;
    private readonly List<UnitOperation> _pending = [];
    private bool _abandoned;

    /// <summary>Takes an operation in; under the node's gate.</summary>
    public UnitOperation Accept(EmulatedUnit unit, JobType type, Action<string>? stateChanged, Action<string>? finished)
    {
        if (_abandoned)
        {
            throw new SystemdRefusal("org.freedesktop.DBus.Error.NoReply", "Connection terminated");
        }

        var current = unit.Operation is { IsPending: true } pending ? pending : null;
        if (current?.Type == type)
        {
            current.Join(stateChanged, finished);
            return current;
        }

        current?.Cancel();
        var operation = new UnitOperation(unit, type) { Before = current?.Ended ?? Task.CompletedTask, StateChanged = stateChanged, Finished = finished };
        unit.Operation = operation;
        _pending.Add(operation);
        return operation;
    }

    /// <summary>Runs an accepted operation in the background, once.</summary>
    public void Run(UnitOperation operation)
    {
        if (operation.TryBegin())
        {
            _ = RunAsync(operation);
        }
    }

    /// <summary>The main process is gone: clean up, then restart if the unit says so. Under the node's gate.</summary>
    public Task Crash(EmulatedUnit unit, int exitStatus)
    {
        var operation = Accept(unit, JobType.AutoRestart, null, null);
        unit.Body.Leave();
        (unit.ExecMainStatus, unit.MainPid, unit.Result) = (exitStatus, 0, exitStatus == 9 ? "signal" : "exit-code");
        systemd.Enter(unit, "deactivating", exitStatus == 9 ? "stop-sigkill" : "stop-post");
        Run(operation);
        return operation.Ended;
    }

    /// <summary>Nothing that is pending comes to an end any more, and nothing new begins. Under the node's gate.</summary>
    public void Abandon()
    {
        _abandoned = true;
        foreach (var operation in _pending.ToArray())
        {
            operation.Finished = null;
            operation.Cancel();
        }
    }

    private async Task RunAsync(UnitOperation operation)
    {
        await operation.Before.ConfigureAwait(false);
        string result;
        try
        {
            result = await StepsAsync(operation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            result = "canceled";
        }

        lock (_node.Gate)
        {
            _pending.Remove(operation);
            operation.End(result);
        }
    }

    private async Task<string> StepsAsync(UnitOperation operation)
    {
        var unit = operation.Unit;
        Announce(operation, "running");
        await PauseAsync(_node.Faults.DelayOf(unit.Name), operation).ConfigureAwait(false);
        switch (operation.Type)
        {
            case JobType.Reload:
                return "done";
            case JobType.Stop:
                await StopAsync(operation).ConfigureAwait(false);
                return "done";
            case JobType.Restart:
                if (!unit.IsDown)
                {
                    await StopAsync(operation).ConfigureAwait(false);
                    Announce(operation, "waiting");
                    Announce(operation, "running");
                }

                return await StartAsync(operation).ConfigureAwait(false);
            case JobType.AutoRestart:
                return await RecoverAsync(operation).ConfigureAwait(false);
            default:
                return await StartAsync(operation).ConfigureAwait(false);
        }
    }

    private async Task<string> StartAsync(UnitOperation operation)
    {
        var unit = operation.Unit;
        lock (_node.Gate)
        {
            if (unit.IsActive)
            {
                return "done";
            }

            if (!unit.IsDown)
            {
                unit.Body.Stop();
            }

            Enter(operation, "activating", "start");
        }

        var commands = ServiceCommands.Of(unit.Loaded);
        await PauseAsync((unit.Body.IsContainer ? _node.Timings.Start : _node.Timings.ServiceStart) + commands.Start, operation).ConfigureAwait(false);
        lock (_node.Gate)
        {
            operation.Canceled.ThrowIfCancellationRequested();
            if (unit.Loaded is { } loaded && !commands.Fails && !_node.Faults.TakeFailingStart(unit.Name) && unit.Body.Start(loaded, unit.Limits) is { } pid)
            {
                (unit.MainPid, unit.ExecMainStatus) = (pid, 0);
                if (commands.IsOneshot && !unit.Body.IsContainer)
                {
                    End(unit, commands.Remains);
                    return "done";
                }

                Enter(operation, "active", "running");
                if (_node.Faults.CrashesAfterStart(unit.Name))
                {
                    _ = EndLaterAsync(unit, _node.Timings.CrashAfter, exitStatus: 1, remains: false, () => _node.Faults.CrashesAfterStart(unit.Name));
                }
                else if (commands.Main.Runs is { } runs && !unit.Body.IsContainer)
                {
                    _ = EndLaterAsync(unit, runs, commands.Main.ExitStatus, commands.Remains, static () => true);
                }

                return "done";
            }

            (unit.Result, unit.ExecMainStatus) = ("exit-code", commands.Fails ? 1 : 126);
            Enter(operation, "failed", "failed");
            return "failed";
        }
    }

    // The process of a service that was begun ends by itself, unless something was done to the unit meanwhile, or it has no reason to any more.
    private async Task EndLaterAsync(EmulatedUnit unit, TimeSpan after, int exitStatus, bool remains, Func<bool> still)
    {
        var invocation = unit.InvocationId;
        await Task.Delay(after + _node.Timings.ServiceStop, _node.Time, CancellationToken.None).ConfigureAwait(false);
        lock (_node.Gate)
        {
            if (_abandoned || unit.InvocationId != invocation || !unit.IsActive || unit.Operation is { IsPending: true } || !still())
            {
                return;
            }

            if (exitStatus != 0 || unit.Loaded?.Restart == "always")
            {
                _ = Crash(unit, exitStatus);
            }
            else
            {
                End(unit, remains);
            }
        }
    }

    private void End(EmulatedUnit unit, bool remains)
    {
        unit.Body.Leave();
        unit.Body.Stop();
        unit.MainPid = 0;
        systemd.Enter(unit, remains ? "active" : "inactive", remains ? "exited" : "dead");
    }

    private async Task StopAsync(UnitOperation operation)
    {
        var unit = operation.Unit;
        bool ignoresSigterm;
        lock (_node.Gate)
        {
            if (unit.IsDown)
            {
                return;
            }

            ignoresSigterm = unit.Body.IgnoresSigterm;
            Enter(operation, "deactivating", unit.Body.IsContainer ? "stop" : "stop-sigterm");
            unit.Body.Leave();
        }

        var stop = unit.Body.IsContainer ? _node.Timings.Stop : _node.Timings.ServiceStop;
        await PauseAsync(stop + (ignoresSigterm ? _node.Timings.Kill : TimeSpan.Zero), operation).ConfigureAwait(false);
        lock (_node.Gate)
        {
            operation.Canceled.ThrowIfCancellationRequested();
            if (unit.Body.IsContainer)
            {
                Enter(operation, "deactivating", "stop-sigterm");
                Enter(operation, "deactivating", "stop-post");
            }

            unit.Body.Stop();
            unit.MainPid = 0;
            (unit.ExecMainStatus, unit.Result) = ignoresSigterm ? (137, "exit-code") : (0, "success");
            var end = ignoresSigterm ? "failed" : "inactive";
            Enter(operation, end, ignoresSigterm ? "failed" : "dead");
        }
    }

    private async Task<string> RecoverAsync(UnitOperation operation)
    {
        var unit = operation.Unit;
        await PauseAsync(_node.Timings.ServiceStop, operation).ConfigureAwait(false);
        lock (_node.Gate)
        {
            operation.Canceled.ThrowIfCancellationRequested();
            unit.Body.Stop();
            if (unit.Loaded?.Restart is null or "no")
            {
                Enter(operation, "failed", "failed");
                return "failed";
            }

            Enter(operation, "failed", "failed-before-auto-restart");
            Enter(operation, "activating", "auto-restart");
            unit.Restarts++;
        }

        await PauseAsync(_node.Timings.AutoRestart, operation).ConfigureAwait(false);
        lock (_node.Gate)
        {
            Enter(operation, "activating", "auto-restart-queued");
        }

        return await StartAsync(operation).ConfigureAwait(false);
    }

    private void Announce(UnitOperation operation, string state)
    {
        lock (_node.Gate)
        {
            operation.StateChanged?.Invoke(state);
        }
    }

    private void Enter(UnitOperation operation, string activeState, string subState)
    {
        operation.Canceled.ThrowIfCancellationRequested();
        systemd.Enter(operation.Unit, activeState, subState);
    }

    private Task PauseAsync(TimeSpan span, UnitOperation operation) =>
        span == TimeSpan.Zero ? Task.CompletedTask : Task.Delay(span, _node.Time, operation.Canceled);
}

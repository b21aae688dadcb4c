using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// One systemd, the host's or QM's: units, daemon-reload and properties. Keeps what systemd says (loaded properties) apart from what the kernel
/// does (cgroup files): a daemon-reload changes the first only; the second follows at a unit's start and when any cgroup property is set.
/// Operations on units are in <see cref="UnitOperations"/>.
/// </summary>
internal sealed partial class EmulatedSystemd
{
    private static readonly string[] JobModes =
        ["replace", "fail", "isolate", "flush", "ignore-dependencies", "ignore-requirements", "replace-irreversibly", "triggering", "restart-dependencies"];

    private readonly SortedDictionary<string, EmulatedUnit> _units = new(StringComparer.Ordinal);
    private readonly IUnitSource _source;
    private readonly UnitOperations _operations;

    public EmulatedSystemd(NodeContext node, IUnitSource source)
    {
        Node = node;
        _source = source;
        _operations = new UnitOperations(this);
        lock (node.Gate)
        {
            Load();
        }
    }

    /// <summary>Raised under the node's gate; handlers only take note.</summary>
    public event Action<EmulatedUnit, UnitChange>? Changed;

    /// <summary>Raised under the node's gate when units are reloaded from their files.</summary>
    public event Action? Reloading;

    /// <summary>The node this systemd runs on.</summary>
    public NodeContext Node { get; }

    /// <summary>The units systemd knows, by name.</summary>
    public IReadOnlyList<EmulatedUnit> Units
    {
        get
        {
            lock (Node.Gate)
            {
                return [.. _units.Values];
            }
        }
    }

    /// <summary>A unit, or null when systemd does not know it.</summary>
    public EmulatedUnit? Find(string name)
    {
        lock (Node.Gate)
        {
            return _units.GetValueOrDefault(name);
        }
    }

    /// <summary>Reads all unit files again. What runs goes on unchanged, even when its file is gone.</summary>
    public async Task DaemonReloadAsync(CancellationToken cancellation)
    {
        EmulatedUnit[] loaded;
        lock (Node.Gate)
        {
            loaded = [.. _units.Values];
            Reloading?.Invoke();
            Report(loaded, UnitChange.Removed);
        }

        await Task.Delay(Node.Timings.DaemonReload, Node.Time, cancellation).ConfigureAwait(false);
        lock (Node.Gate)
        {
            Load();
            Report(loaded.Where(unit => _units.ContainsKey(unit.Name)), UnitChange.New);
        }
    }

    /// <summary>Accepts a job, as systemd's StartUnit and its like do; it runs when <see cref="Run"/> is called. Throws <see cref="SystemdRefusal"/>.</summary>
    /// <param name="type">What to do.</param>
    /// <param name="name">The unit.</param>
    /// <param name="mode">A job mode of systemd, such as <c>replace</c>.</param>
    /// <param name="stateChanged">Told <c>running</c> and <c>waiting</c>.</param>
    /// <param name="finished">Told the result, once; never when a later operation of the same type folds into this one.</param>
    public UnitOperation Accept(JobType type, string name, string mode, Action<string>? stateChanged = null, Action<string>? finished = null)
    {
        lock (Node.Gate)
        {
            CheckMode(mode);
            CheckName(name);
            var unit = _units.GetValueOrDefault(name);
            return unit switch
            {
                null => throw (type == JobType.Stop ? SystemdRefusal.UnitNotLoaded(name) : SystemdRefusal.UnitNotFound(name)),
                { Loaded: null } when type != JobType.Stop => throw SystemdRefusal.UnitNotFound(name),
                _ when type == JobType.Reload && !ServiceCommands.Of(unit.Loaded).CanReload => throw new SystemdRefusal("org.freedesktop.systemd1.JobTypeNotApplicable", $"Job type reload is not applicable for unit {name}."),
                _ when mode == "isolate" && unit.Loaded?.Setting("Unit", "AllowIsolate") is not ("yes" or "true") =>
                    throw new SystemdRefusal("org.freedesktop.systemd1.NoIsolation", "Operation refused, unit may not be isolated."),
                { Operation: { IsPending: true } pending } when mode == "fail" && pending.Type != type =>
                    throw new SystemdRefusal("org.freedesktop.systemd1.TransactionIsDestructive", $"Transaction for {name} is destructive: it has another job queued."),
                _ => _operations.Accept(unit, type, stateChanged, finished),
            };
        }
    }

    /// <summary>Runs an accepted operation in the background.</summary>
    public void Run(UnitOperation operation) => _operations.Run(operation);

    /// <summary>Cancels the job of an operation, if it has not ended; a unit that is on its way goes on.</summary>
    public void Cancel(UnitOperation operation)
    {
        lock (Node.Gate)
        {
            operation.CancelJob();
        }
    }

    /// <summary>Accepts and runs an operation and waits for systemd's result.</summary>
    public async Task<string> RunAsync(JobType type, string name, CancellationToken cancellation = default)
    {
        var result = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        Run(Accept(type, name, "replace", finished: result.SetResult));
        return await result.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Ends the main process of a unit as SIGKILL does; systemd restarts it if <c>Restart=</c> says so.</summary>
    /// <exception cref="SystemdRefusal">The unit is not loaded.</exception>
    public Task KillAsync(string name, int exitStatus)
    {
        lock (Node.Gate)
        {
            var unit = _units.GetValueOrDefault(name) ?? throw SystemdRefusal.UnitNotLoaded(name);
            return unit.IsActive ? _operations.Crash(unit, exitStatus) : Task.CompletedTask;
        }
    }

    /// <summary>Freezes or thaws a unit.</summary>
    /// <exception cref="SystemdRefusal">The unit is not loaded or not active.</exception>
    public void SetFrozen(string name, bool frozen)
    {
        lock (Node.Gate)
        {
            var unit = _units.GetValueOrDefault(name) ?? throw SystemdRefusal.UnitNotLoaded(name);
            if (!unit.IsActive)
            {
                throw new SystemdRefusal("org.freedesktop.systemd1.UnitInactive", $"Unit {name} is not active.");
            }

            unit.FreezerState = frozen ? "frozen" : "running";
            Node.Kernel.WriteCgroup(unit.Body.Cgroup, "cgroup.freeze", frozen ? "1" : "0");
        }
    }

    /// <summary>Forgets that a unit failed; all units when <paramref name="name"/> is null.</summary>
    /// <exception cref="SystemdRefusal">The unit is not loaded.</exception>
    public void ResetFailed(string? name)
    {
        lock (Node.Gate)
        {
            IEnumerable<EmulatedUnit> units = name is null ? _units.Values : [_units.GetValueOrDefault(name) ?? throw SystemdRefusal.UnitNotLoaded(name)];
            foreach (var unit in units)
            {
                unit.Restarts = 0;
                if (unit.ActiveState == "failed")
                {
                    Enter(unit, "inactive", "dead");
                }
            }
        }
    }

    /// <summary>
    /// Sets properties for the running unit and in a <c>system.control</c> drop-in each. Succeeds for unknown units, where it only leaves the
    /// files. Any cgroup property brings all limits that systemd holds to the kernel. Emits nothing. Throws <see cref="SystemdRefusal"/>.
    /// </summary>
    public void SetProperties(string name, bool runtime, IReadOnlyList<KeyValuePair<string, BusValue>> properties)
    {
        lock (Node.Gate)
        {
            CheckName(name);
            var unit = _units.GetValueOrDefault(name);
            var limits = unit?.Limits ?? ResourceControl.Default;
            var set = unit?.SetDescription;
            var files = new List<(string File, string Assignment)>();
            foreach (var (property, value) in properties)
            {
                if (property == "Description" && value is BusValue.Text description)
                {
                    set = description.Value;
                    files.Add((UnitFiles.Description, $"Description={set}"));
                    continue;
                }

                (limits, var file, var assignment) = limits.Set(property, value, Node.Machine);
                files.Add((file, assignment));
            }

            foreach (var (file, assignment) in files)
            {
                _source.WriteControl(name, runtime, file, assignment);
            }

            if (unit is { Loaded: not null })
            {
                (unit.Limits, unit.SetDescription) = (limits, set);
                if (!unit.IsDown && properties.Any(property => ResourceControl.ReachesKernel(property.Key)))
                {
                    Node.Kernel.ApplyLimits(unit.Body.Cgroup, limits);
                }
            }
        }
    }

    /// <summary>Properties of a unit; those of an unknown one say <c>not-found</c>.</summary>
    /// <param name="name">The unit.</param>
    /// <param name="interfaceName">systemd's Unit or Service interface, or empty for both.</param>
    public IReadOnlyDictionary<string, BusValue> Properties(string name, string interfaceName)
    {
        lock (Node.Gate)
        {
            CheckName(name);
            var unit = _units.GetValueOrDefault(name) ?? new EmulatedUnit(name, _source.Body(name));
            var properties = interfaceName switch
            {
                "" => unit.UnitProperties().Concat(unit.ServiceProperties()),
                "org.freedesktop.systemd1.Unit" => unit.UnitProperties(),
                "org.freedesktop.systemd1.Service" => unit.ServiceProperties(),
                _ => throw SystemdRefusal.UnknownProperty(interfaceName),
            };
            return properties.ToDictionary();
        }
    }

    /// <summary>Everything stops at once, as when the power or the container goes.</summary>
    public void PowerOff()
    {
        lock (Node.Gate)
        {
            _operations.Abandon();
            foreach (var unit in _units.Values.Where(unit => !unit.IsDown))
            {
                unit.Body.Leave();
                unit.Body.Stop();
            }
        }
    }

    /// <summary>Takes a unit to another state and tells the subscribers. Under the node's gate.</summary>
    internal void Enter(EmulatedUnit unit, string activeState, string subState)
    {
        unit.Enter(activeState, subState, Node.NowMicroseconds);
        Changed?.Invoke(unit, UnitChange.State);
        if (unit is { ActiveState: "inactive", Loaded: null or { IsTransient: true } })
        {
            if (unit.Loaded is not null)
            {
                _source.RemoveTransient(unit.Name);
                unit.Loaded = null;
            }

            _units.Remove(unit.Name);
            Changed?.Invoke(unit, UnitChange.Removed);
        }
    }

    private static void CheckMode(string mode)
    {
        if (!JobModes.Contains(mode))
        {
            throw SystemdRefusal.InvalidArguments($"Job mode {mode} invalid");
        }
    }

    private static void CheckName(string name)
    {
        if (!name.Contains('.', StringComparison.Ordinal) || name.Any(letter => !char.IsAsciiLetterOrDigit(letter) && !":-_.\\@".Contains(letter, StringComparison.Ordinal)))
        {
            throw SystemdRefusal.BadUnitName(name);
        }
    }

    private void Load()
    {
        var found = _source.Load().ToDictionary(loaded => loaded.Name);
        foreach (var unit in _units.Values.ToArray())
        {
            (unit.Loaded, unit.SetDescription) = (found.GetValueOrDefault(unit.Name), null);
            unit.Limits = unit.Loaded?.Limits ?? ResourceControl.Default;
            if (unit is { Loaded: null, ActiveState: "inactive" })
            {
                _units.Remove(unit.Name);
            }
        }

        foreach (var loaded in found.Values.Where(loaded => !_units.ContainsKey(loaded.Name)))
        {
            _units[loaded.Name] = new EmulatedUnit(loaded.Name, _source.Body(loaded.Name)) { Loaded = loaded, Limits = loaded.Limits };
        }
    }

    private void Report(IEnumerable<EmulatedUnit> units, UnitChange change)
    {
        foreach (var unit in units)
        {
            Changed?.Invoke(unit, change);
        }
    }
}

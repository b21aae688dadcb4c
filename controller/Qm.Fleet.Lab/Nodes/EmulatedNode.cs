using System.Security.Cryptography;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// One emulated ECU: a root directory laid out as QM's setup leaves it, the host's systemd on it, and, while <c>qm.service</c> runs, QM's. The
/// real agent extension works on the root; the real controller reaches the two systemds through the emulated BlueChi.
/// </summary>
internal sealed class EmulatedNode
{
    private const string QmService = "qm.service";
    private const string WorkloadLimit = "268435456";
    private readonly QmBody _qm;
    private EmulatedSystemd _host;

    public EmulatedNode(string name, string root, IBlueChi blueChi, NodeTimings timings, TimeProvider time, Machine? machine = null)
    {
        Name = name;
        Layout(name, root);
        Context = new NodeContext(name, new EmulatedKernel(root), machine ?? Machine.Default, timings, new NodeFaults(NodePrograms.FailingProbesOf(root)), time);
        _qm = new QmBody(Context, blueChi);
        NewHost = () =>
        {
            var host = new EmulatedSystemd(Context, new HostUnits(Context, _qm, blueChi, () => _host!));
            host.Changed += CrashAgain;
            return host;
        };
        Context.Kernel.Boot(Context.Machine, NewBootId());
        _host = NewHost();
    }

    /// <summary>BlueChi's node name of the host; QM's is <c>qm.</c> and this.</summary>
    public string Name { get; }

    /// <summary>The root directory.</summary>
    public string Root => Context.Root;

    /// <summary>What goes wrong on purpose.</summary>
    public NodeFaults Faults => Context.Faults;

    /// <summary>The host's systemd.</summary>
    public EmulatedSystemd Host => _host;

    /// <summary>The QM that runs, or null.</summary>
    public QmInstance? Qm => _qm.Instance;

    /// <summary>What the node's parts share.</summary>
    public NodeContext Context { get; }

    private Func<EmulatedSystemd> NewHost { get; }

    /// <summary>Starts what is wanted at boot and waits until it is active. QM itself boots on in the background.</summary>
    public Task BootAsync(CancellationToken cancellation = default) =>
        Task.WhenAll(_host.Units.Where(unit => unit.Loaded is { WantedAtBoot: true }).Select(unit => _host.RunAsync(JobType.Start, unit.Name, cancellation)));

    /// <summary>Takes the power away and boots again: everything below <c>/run</c> is gone, the boot id is another, both BlueChi nodes drop out.</summary>
    public Task RebootAsync(CancellationToken cancellation = default)
    {
        PowerOff();
        lock (Context.Gate)
        {
            Directory.Delete(Path.Combine(Root, "run/systemd"), recursive: true);
            Context.Kernel.Boot(Context.Machine, NewBootId());
            _host = NewHost();
        }

        return BootAsync(cancellation);
    }

    /// <summary>Ends everything that runs on the node.</summary>
    public void PowerOff() => _host.PowerOff();

    /// <summary>Kills QM's init, as the kernel does when memory runs out; systemd restarts <c>qm.service</c>. Ends when it has.</summary>
    public Task CrashQmAsync() => _host.KillAsync(QmService, exitStatus: 137);

    /// <summary>Gives a container inside QM a limit, if it has none, and kills it at that limit; its unit ends.</summary>
    /// <exception cref="InvalidOperationException">QM or the workload does not run.</exception>
    public Task KillWorkloadAsync(string workload)
    {
        lock (Context.Gate)
        {
            var qm = RunningQm;
            var unit = qm.Systemd.Units.FirstOrDefault(unit => unit.Name == $"{workload}.service" && unit is { IsActive: true, Body: WorkloadBody });
            var payload = (unit?.Body as WorkloadBody)?.Payload ?? throw new InvalidOperationException($"{workload} does not run in QM of {Name}.");
            if (Context.Kernel.Read($"sys/fs/cgroup{payload}/memory.max") is null or "max")
            {
                Context.Kernel.WriteCgroup(payload, "memory.max", WorkloadLimit);
            }

            new EmulatedOomKiller(Context).Kill(Context.Kernel.Processes(payload)[0], payload);
            return qm.Systemd.KillAsync(unit!.Name, exitStatus: 137);
        }
    }

    /// <summary>Kills QM's init at the limit of <c>qm.service</c>; everything in QM ends with it.</summary>
    /// <exception cref="InvalidOperationException">QM does not run.</exception>
    public Task KillQmAtItsLimitAsync()
    {
        lock (Context.Gate)
        {
            new EmulatedOomKiller(Context).Kill(RunningQm.InitPid, _qm.Cgroup);
            return _host.KillAsync(QmService, exitStatus: 137);
        }
    }

    /// <summary>Has the whole machine run out of memory: the process with the highest score dies, and its unit ends.</summary>
    /// <returns>The unit.</returns>
    /// <exception cref="InvalidOperationException">QM does not run, so nobody is there who may die.</exception>
    public string KillForMachine()
    {
        lock (Context.Gate)
        {
            var (qm, killer) = (RunningQm, new EmulatedOomKiller(Context));
            var victim = killer.Choose(_qm.Cgroup) ?? qm.InitPid;
            var cgroup = Context.Kernel.CgroupOf(victim);
            killer.Kill(victim, limit: null);
            var unit = qm.Systemd.Units.FirstOrDefault(unit => unit.IsActive && cgroup.StartsWith($"{qm.Payload}/system.slice/{unit.Name}/", StringComparison.Ordinal));
            _ = unit is null ? _host.KillAsync(QmService, exitStatus: 137) : qm.Systemd.KillAsync(unit.Name, exitStatus: 137);
            return unit?.Name ?? QmService;
        }
    }

    private QmInstance RunningQm => Qm ?? throw new InvalidOperationException($"QM of {Name} does not run.");

    // Called under the node's gate: QM dies later, when it would have booted.
    private void CrashAgain(EmulatedUnit unit, UnitChange change)
    {
        if (Faults.CrashLoops && change == UnitChange.State && unit is { Name: QmService, IsActive: true })
        {
            _ = Task.Run(async () =>
            {
                try
                {
                    await Task.Delay(Context.Timings.QmBoot, Context.Time).ConfigureAwait(false);
                    await CrashQmAsync().ConfigureAwait(false);
                }
                catch (SystemdRefusal)
                {
                    // The node lost its power first.
                }
            });
        }
    }

    private static void Layout(string name, string root)
    {
        foreach (var directory in VendorFiles.Directories)
        {
            Directory.CreateDirectory(Path.Combine(root, directory));
        }

        foreach (var (path, content) in VendorFiles.Of(name))
        {
            var file = Path.Combine(root, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, content);
        }
    }

    private static string NewBootId() => new Guid(RandomNumberGenerator.GetBytes(16)).ToString();
}

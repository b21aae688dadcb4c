using System.Security.Cryptography;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// One emulated ECU: a root directory laid out as QM's setup leaves it, the host's systemd on it, and, while <c>qm.service</c> runs, QM's. The
/// real agent extension works on the root; the real controller reaches the two systemds through the emulated BlueChi.
/// </summary>
internal sealed class EmulatedNode
{
    private const string QmService = "qm.service";
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

    /// <summary>Kills a container inside QM and counts it as an OOM kill of QM's cgroup.</summary>
    /// <exception cref="InvalidOperationException">QM does not run.</exception>
    public Task KillWorkloadAsync(string workload)
    {
        lock (Context.Gate)
        {
            var qm = Qm ?? throw new InvalidOperationException($"QM of {Name} does not run.");
            qm.CountOomKill();
            return qm.Systemd.KillAsync($"{workload}.service", exitStatus: 137);
        }
    }

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

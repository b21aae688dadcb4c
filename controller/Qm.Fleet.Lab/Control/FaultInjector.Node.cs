using System.Collections.Concurrent;
using System.Globalization;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Control;

/// <summary>Faults of what leads to a node, and of what a node has.</summary>
internal sealed partial class FaultInjector
{
    private const string QmVar = "var/qm";
    private readonly ConcurrentDictionary<string, LinkFlap> _flaps = new();
    private readonly ConcurrentDictionary<string, bool> _cables = new();
    private readonly ConcurrentDictionary<string, FullDisk> _disks = new();

    private IExtensions Extensions => extensions ?? throw new InvalidOperationException("this lab has no agent extensions");

    /// <summary>Kills a container inside QM now, and after every start, whoever starts it.</summary>
    /// <exception cref="InvalidOperationException">QM, or that workload in it, does not run.</exception>
    public void CrashLoop(string node, string workload)
    {
        var unit = RunningWorkloadOf(node, workload).Name;
        EcuOf(node).Faults.CrashAfterStart(unit);
        _ = EcuOf(node).Qm?.Systemd.KillAsync(unit, exitStatus: 1);
    }

    /// <summary>Kills the agent extension of an ECU; it stays away until it is cleared.</summary>
    /// <exception cref="InvalidOperationException">It has no process of its own.</exception>
    public Task KillExtensionAsync(string node) => Extensions.KillAsync(EcuOf(node));

    /// <summary>Cuts everything that leads to an ECU: both BlueChi agents and the agent extension lose their connections at once; what runs goes on.</summary>
    /// <exception cref="InvalidOperationException">A BlueChi agent does not live, or the agent extension has no link of its own.</exception>
    public async Task CutCableAsync(string node)
    {
        var ecu = EcuOf(node);
        await links.CutAsync(QmPrefix + ecu.Name).ConfigureAwait(false);
        try
        {
            await links.CutAsync(ecu.Name).ConfigureAwait(false);
            Extensions.Cut(ecu);
        }
        catch (InvalidOperationException)
        {
            await links.HealAsync(ecu.Name).ConfigureAwait(false);
            await links.HealAsync(QmPrefix + ecu.Name).ConfigureAwait(false);
            throw;
        }

        _cables[ecu.Name] = true;
    }

    /// <summary>Cuts the link of an agent and heals it, again and again; in place of an earlier flap.</summary>
    /// <param name="node">The agent's node.</param>
    /// <param name="every">From one cut to the next.</param>
    public async Task FlapAsync(string node, TimeSpan every)
    {
        await EndFlapAsync(node).ConfigureAwait(false);
        _flaps[node] = new LinkFlap(links, node, every, time);
    }

    /// <summary>Leaves no room on the file system of QM's /var.</summary>
    /// <exception cref="InvalidOperationException">The lab may not mount one.</exception>
    public void FillDisk(string node)
    {
        var ecu = EcuOf(node);
        if (!_disks.ContainsKey(ecu.Name))
        {
            _disks[ecu.Name] = FullDisk.Mount(Path.Combine(ecu.Root, QmVar));
        }
    }

    /// <summary>Gives every process of a container inside QM another OOM score, as a hand does that writes to /proc.</summary>
    /// <exception cref="InvalidOperationException">QM, or that workload in it, does not run.</exception>
    public void SetOomScore(string node, string workload, int score)
    {
        var (unit, ecu) = (RunningWorkloadOf(node, workload), EcuOf(node));
        lock (ecu.Context.Gate)
        {
            foreach (var pid in Directory.GetDirectories(ecu.Root + "/sys/fs/cgroup" + unit.Body.Cgroup, "libpod-payload-*").SelectMany(payload => File.ReadAllLines(Path.Combine(payload, "cgroup.procs"))))
            {
                ecu.Context.Kernel.Write($"proc/{pid}/oom_score_adj", score.ToString(CultureInfo.InvariantCulture));
            }
        }
    }

    private bool HasCutCable(string node) => _cables.ContainsKey(EcuOf(node).Name);

    private IEnumerable<ActiveFault> OfExtension(EmulatedNode node) =>
    [
        .. _cables.ContainsKey(node.Name) ? [new(node.Name, "cut-cable", "")] : Array.Empty<ActiveFault>(),
        .. extensions?.StateOf(node).Killed ?? false ? [new(node.Name, "kill-extension", "")] : Array.Empty<ActiveFault>(),
        .. _disks.ContainsKey(node.Name) ? [new(node.Name, "fill-disk", "/" + QmVar)] : Array.Empty<ActiveFault>(),
    ];

    private async Task ClearNodeAsync(EmulatedNode ecu)
    {
        if (_cables.TryRemove(ecu.Name, out _))
        {
            Extensions.Heal(ecu);
            await links.HealAsync(ecu.Name).ConfigureAwait(false);
            await links.HealAsync(QmPrefix + ecu.Name).ConfigureAwait(false);
        }

        if (extensions?.StateOf(ecu).Killed ?? false)
        {
            await extensions.ReviveAsync(ecu).ConfigureAwait(false);
        }

        if (_disks.TryRemove(ecu.Name, out var disk))
        {
            disk.Dispose();
        }

        ecu.Faults.Clear();
    }

    private async Task EndFlapAsync(string node)
    {
        if (_flaps.TryRemove(node, out var flap))
        {
            await flap.DisposeAsync().ConfigureAwait(false);
        }
    }
}

using System.Security.Cryptography;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>One life of QM, from a start of <c>qm.service</c> to its end: a payload cgroup with a fresh name, an init, and a systemd of its own.</summary>
internal sealed class QmInstance : IDisposable
{
    private readonly LoadedUnit _quadlet;
    private readonly CancellationTokenSource _life = new();
    private readonly EmulatedSystemd _systemd;
    private int _lastPid = 1;

    public QmInstance(NodeContext node, IBlueChi blueChi, LoadedUnit quadlet)
    {
        (Node, _quadlet) = (node, quadlet);
        Payload = $"/qm.service/libpod-payload-{RandomNumberGenerator.GetHexString(64, lowercase: true)}";
        OomScoreAdjust = quadlet.OomScoreAdjust;
        Etc = Variable("RWETCFS") ?? "/etc/qm";
        Rootfs = Variable("ROOTFS") ?? "/usr/lib/qm/rootfs";
        InitPid = node.Kernel.Spawn($"{Payload}/init.scope", "systemd", OomScoreAdjust, 1);
        node.Kernel.Write($"proc/{InitPid}/mountinfo", string.Join('\n', Mounts()));
        node.Kernel.Link($"proc/{InitPid}/root", Rootfs);
        node.Kernel.WriteCgroup(Payload, "memory.oom.group", "0");
        _systemd = new EmulatedSystemd(node, new QmUnits(this, blueChi, () => _systemd!));
    }

    /// <summary>The node it runs on.</summary>
    public NodeContext Node { get; }

    /// <summary>The payload's cgroup.</summary>
    public string Payload { get; }

    /// <summary>QM's init as the host counts it.</summary>
    public int InitPid { get; }

    /// <summary>The score everything in QM begins with.</summary>
    public int OomScoreAdjust { get; }

    /// <summary>The host directory that is QM's <c>/etc</c>.</summary>
    public string Etc { get; }

    /// <summary>The host directory that is QM's <c>/</c>.</summary>
    public string Rootfs { get; }

    /// <summary>QM's systemd.</summary>
    public EmulatedSystemd Systemd => _systemd;

    /// <summary>Whether a container inside lets QM's stop run into podman's timeout.</summary>
    public bool HasDeafWorkload => _systemd.Units.Any(unit => unit.IsActive && unit.Body.IgnoresSigterm);

    /// <summary>Where a mount of the quadlet puts a path of QM on the host; null when no volume holds it.</summary>
    public string? OnHost(string path) => _quadlet.Settings("X-Container", "Volume").Select(volume => volume.Split(':'))
        .Where(parts => parts.Length >= 2).Select(parts => (Host: parts[0].TrimEnd('/'), Inside: parts[1].TrimEnd('/')))
        .Where(mount => path == mount.Inside || path.StartsWith(mount.Inside + "/", StringComparison.Ordinal))
        .Select(mount => mount.Host + path[mount.Inside.Length..]).LastOrDefault();

    /// <summary>The score containers get unless they say otherwise; null when no configuration file sets one.</summary>
    public int? NestedOomScoreDefault() => ContainersConf.OomScoreAdjust(Path.Combine(Node.Root, Etc.TrimStart('/'), "containers"));

    /// <summary>The next pid in QM's namespace.</summary>
    public int NextPid() => ++_lastPid;

    /// <summary>Boots in the background: after a while the wanted units start, BlueChi's agent among them.</summary>
    public void Boot() => _ = BootAsync(_life.Token);

    /// <summary>Takes everything inside down at once.</summary>
    public void Dispose()
    {
        if (!_life.IsCancellationRequested)
        {
            _life.Cancel();
            _systemd.PowerOff();
            _life.Dispose();
        }
    }

    private async Task BootAsync(CancellationToken cancellation)
    {
        try
        {
            await Task.Delay(Node.Timings.QmBoot, Node.Time, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (Node.Gate)
        {
            if (cancellation.IsCancellationRequested)
            {
                return;
            }

            foreach (var unit in _systemd.Units.Where(unit => unit.Loaded is { WantedAtBoot: true }))
            {
                _systemd.Run(_systemd.Accept(JobType.Start, unit.Name, "replace"));
            }
        }
    }

    // One file system holds the whole node, so each mount of the quadlet is a directory of it.
    private IEnumerable<string> Mounts()
    {
        yield return $"600 500 {EmulatedKernel.Disk} {Rootfs} / ro,relatime - ext4 /dev/vda1 rw";
        yield return "601 600 0:52 / /proc rw,nosuid - proc proc rw";
        var number = 602;
        foreach (var volume in _quadlet.Settings("X-Container", "Volume").Select(volume => Expand(volume).Split(':')).Where(parts => parts.Length >= 2))
        {
            yield return FormattableString.Invariant($"{number++} 600 {EmulatedKernel.Disk} {volume[0].TrimEnd('/')} {volume[1].TrimEnd('/')} rw,relatime - ext4 /dev/vda1 rw");
        }
    }

    private string Expand(string text) => ((string[])["RWETCFS", "RWVARFS"]).Aggregate(
        text, (expanded, name) => expanded.Replace($"${{{name}}}", Variable(name) ?? "", StringComparison.Ordinal));

    private string? Variable(string name) => _quadlet.Settings("Service", "Environment").Select(text => text.Split('=', 2))
        .LastOrDefault(parts => parts.Length == 2 && parts[0] == name)?[1];
}

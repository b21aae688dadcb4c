using System.Globalization;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>Lets QM and the containers inside it use something on emulated nodes, as time goes by; a file that somebody else wrote is left to them.</summary>
internal sealed class EmulatedUsage : IAsyncDisposable
{
    private const string Whole = "/qm.service";
    private static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(1);

    // A node's turn is some dozens of files; a thousand nodes are not to keep the machine busy with it.
    private static readonly TimeSpan PerNode = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _end = new();
    private readonly Dictionary<(EmulatedNode Node, string Life), (EmulatedLoad Load, string Cgroup)> _loads = [];
    private readonly Dictionary<string, string> _written = [];
    private readonly Task _work;

    private EmulatedUsage(IReadOnlyList<EmulatedNode> nodes, TimeProvider time) => _work = Task.Run(() => RunAsync(nodes, time));

    /// <summary>Begins, and goes on until it is disposed.</summary>
    public static EmulatedUsage Start(IReadOnlyList<EmulatedNode> nodes, TimeProvider time) => new(nodes, time);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task RunAsync(IReadOnlyList<EmulatedNode> nodes, TimeProvider time)
    {
        var interval = PerNode * nodes.Count > LeastInterval ? PerNode * nodes.Count : LeastInterval;
        using var timer = new PeriodicTimer(interval, time);
        var before = time.GetTimestamp();
        try
        {
            do
            {
                var now = time.GetTimestamp();
                foreach (var node in nodes)
                {
                    lock (node.Context.Gate)
                    {
                        GoOn(node, time.GetElapsedTime(before, now).TotalSeconds);
                    }
                }

                before = now;
            }
            while (await timer.WaitForNextTickAsync(_end.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The lab ends.
        }
    }

    private void GoOn(EmulatedNode node, double seconds)
    {
        foreach (var resource in (string[])["memory", "cpu", "io"])
        {
            Write(node, $"proc/pressure/{resource}", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0");
        }

        var running = Running(node).ToArray();
        foreach (var (key, (_, cgroup)) in _loads.Where(load => load.Key.Node == node && !running.Any(one => one.Life == load.Key.Life)).ToArray())
        {
            _loads.Remove(key);
            foreach (var file in _written.Keys.Where(path => path.StartsWith($"{node.Root}/sys/fs/cgroup{cgroup}/", StringComparison.Ordinal)).ToArray())
            {
                _written.Remove(file);
            }
        }

        List<EmulatedLoad> containers = [];
        // The containers first: QM as a whole is what they use, and something of its own.
        foreach (var (unit, life, cgroup, freezer) in Enumerable.Reverse(running))
        {
            var load = _loads.GetValueOrDefault((node, life)).Load ?? new(unit);
            _loads[(node, life)] = (load, cgroup);
            load.GoOn(seconds, isFrozen: node.Context.Kernel.Read($"sys/fs/cgroup{freezer}/cgroup.freeze") == "1");
            foreach (var (file, content) in load.Files(cgroup == Whole ? containers : []))
            {
                Write(node, $"sys/fs/cgroup{cgroup}/{file}", file == "memory.current" ? Within(node, cgroup, content) : content);
            }

            containers.Add(load);
        }
    }

    // qm.service has the same cgroup in every life, and counts from the start in each.
    private static IEnumerable<(string Unit, string Life, string Cgroup, string Freezer)> Running(EmulatedNode node)
    {
        if (node.Qm is not { } qm)
        {
            yield break;
        }

        yield return ("qm.service", qm.Payload, Whole, Whole);
        foreach (var unit in qm.Systemd.Units.Where(unit => unit.IsActive))
        {
            if (unit.Body is WorkloadBody { Payload: { } payload } body)
            {
                yield return (unit.Name, payload, payload, body.Cgroup);
            }
        }
    }

    // No cgroup uses more than its limit.
    private static string Within(EmulatedNode node, string cgroup, string memory) =>
        long.TryParse(node.Context.Kernel.Read($"sys/fs/cgroup{cgroup}/memory.max"), NumberStyles.None, CultureInfo.InvariantCulture, out var limit)
            && limit < long.Parse(memory, CultureInfo.InvariantCulture) ? limit.ToString(CultureInfo.InvariantCulture) : memory;

    private void Write(EmulatedNode node, string path, string content)
    {
        var file = $"{node.Root}/{path}";
        if (_written.TryGetValue(file, out var ours) && (ours == content || node.Context.Kernel.Read(path) != ours))
        {
            return;
        }

        node.Context.Kernel.Write(path, content);
        _written[file] = content;
    }
}

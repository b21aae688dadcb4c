using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.V1;
using Pki = Qm.Fleet.Controller.Security.Pki;
using ResourceProperty = Qm.Fleet.Core.Resources.ResourceProperty;

namespace Qm.Fleet.Benchmarks.Agents;

/// <summary>One real agent extension on an emulated node, at a gateway of its own.</summary>
internal sealed class AgentBench : IAsyncDisposable
{
    private const string Node = "ecu1";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    // Until then it gives back the memory that its start took.
    private static readonly TimeSpan StartIsOver = TimeSpan.FromSeconds(40);
    private const double TicksPerSecond = 100;
    private static readonly Welcome Welcome = new() { ReportIntervalMs = 10_000, HeartbeatIntervalMs = 10_000, UsageIntervalMs = 10_000 };

    private readonly string _program;
    private readonly string _folder;
    private readonly EmulatedNode _node;
    private readonly Pki _pki;
    private readonly MeasuredGateway _gateway;

    private AgentBench(string program, string folder, EmulatedNode node, Pki pki, MeasuredGateway gateway) => (_program, _folder, _node, _pki, _gateway) = (program, folder, node, pki, gateway);

    internal static async Task<AgentBench> StartAsync(string program, CancellationToken ct)
    {
        // Memory, so that the disk of this machine is not what is measured.
        var folder = Directory.CreateDirectory(Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), "qm-fleet-bench-" + Path.GetRandomFileName())).FullName;
        var node = new EmulatedNode(Node, Path.Combine(folder, "node"), new Nobody(), NodeTimings.Fast, TimeProvider.System);
        await node.BootAsync(ct);
        var pki = Pki.Open(Path.Combine(folder, "state"), TimeProvider.System);
        pki.IssueNode(Node, Path.Combine(node.Root, "etc/qm-fleet/pki"));
        return new(program, folder, node, pki, await MeasuredGateway.StartAsync(pki, Welcome, ct));
    }

    internal async Task<AgentFigures> MeasureAsync(int rounds, TimeSpan idle, Action<string> tell, CancellationToken ct)
    {
        tell($"{_program}: {rounds} starts and applies, then {idle.TotalSeconds:0} s of nothing");
        var starts = new List<TimeSpan>();
        for (var round = 0; round < rounds - 1; round++)
        {
            var (process, _, took) = await RunAsync(ct);
            starts.Add(took);
            await EndAsync(process);
        }

        var (agent, stream, last) = await RunAsync(ct);
        try
        {
            starts.Add(last);
            var (one, other) = (Revision("11111111", "1G", 3), Revision("22222222", "2G", 4));
            var (full, noOp) = (new List<TimeSpan>(), new List<TimeSpan>());
            for (var round = 0; round < rounds; round++)
            {
                full.Add(await ApplyAsync(stream, round % 2 == 0 ? one : other, isConfirmed: true, ct));
                noOp.Add(await ApplyAsync(stream, round % 2 == 0 ? one : other, isConfirmed: false, ct));
            }

            var before = Ticks(agent);
            var begun = Stopwatch.GetTimestamp();
            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            over.CancelAfter(idle);
            tell($"{await stream.ListenAsync(over.Token)} messages in {idle.TotalSeconds:0} s");
            ct.ThrowIfCancellationRequested();
            return new(
                new FileInfo(_program).Length, Median(starts), Median(noOp), Median(full), Proportional(agent),
                (Ticks(agent) - before) / TicksPerSecond / Stopwatch.GetElapsedTime(begun).TotalSeconds);
        }
        finally
        {
            await EndAsync(agent);
        }
    }

    /// <summary>The functions that run while nothing happens, and then those that run in an apply, each once, in the order of their first time.</summary>
    internal async Task<IReadOnlyList<string>> TraceAsync(IReadOnlyList<(long Offset, string Name)> functions, TimeSpan idle, Action<string> tell, CancellationToken ct)
    {
        var (agent, stream, _) = await RunAsync(ct);
        FunctionTrace? trace = null;
        try
        {
            tell($"{StartIsOver.TotalSeconds:0} s for its start, then {idle.TotalSeconds:0} s of nothing");
            await Task.Delay(StartIsOver, ct);
            trace = await FunctionTrace.StartAsync(agent, functions);
            await Task.Delay(idle, ct);
            tell($"{trace.Entered.Count} functions; now it applies");
            for (var round = 0; round < 2; round++)
            {
                await ApplyAsync(stream, Revision("11111111", "1G", 3), isConfirmed: true, ct);
                await ApplyAsync(stream, Revision("22222222", "2G", 4), isConfirmed: true, ct);
                await ApplyAsync(stream, Revision("22222222", "2G", 4), isConfirmed: false, ct);
            }

            return trace.Entered;
        }
        finally
        {
            await EndAsync(agent);
            if (trace is not null)
            {
                await trace.DisposeAsync();
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        _pki.Dispose();
        _node.PowerOff();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<TimeSpan> ApplyAsync(AgentStream stream, RenderedRevision revision, bool isConfirmed, CancellationToken ct)
    {
        var begun = Stopwatch.GetTimestamp();
        await stream.DoAsync(new() { Stage = NodeActor.ToWire(revision) }, ct);
        await stream.DoAsync(new() { Commit = new() { Revision = revision.Name } }, ct);
        if (isConfirmed)
        {
            await stream.DoAsync(new() { Confirm = new() { Revision = revision.Name } }, ct);
        }

        return Stopwatch.GetElapsedTime(begun);
    }

    private static RenderedRevision Revision(string name, string high, int image) => RevisionRenderer.Render(
        name,
        new FleetEnvironment
        {
            Resources = ImmutableSortedDictionary<ResourceProperty, ResourceValue>.Empty.Add(
                ResourceProperty.MemoryHigh, ResourceValues.TryParse(ResourceProperty.MemoryHigh, high, out var value, out var problem) ? value : throw new FormatException(problem)),
            Oom = new(500 + image, 750 + image, ImmutableSortedDictionary<string, int>.Empty.Add("brake-control.service", -1000 + image)),
            QmAgent = ImmutableSortedDictionary<string, string>.Empty.Add("HeartbeatInterval", (1000 * image).ToString(CultureInfo.InvariantCulture)),
            Workloads = [.. Enumerable.Range(1, 3).Select(number => new Core.Environments.Workload($"radio{number}", Quadlet($"localhost/radio:{image}"), null))],
        },
        Node);

    private static ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, ImmutableArray<string>>> Quadlet(string image) =>
        ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, ImmutableArray<string>>>.Empty.Add(
            "Container", ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty.Add("Image", [image]));

    private static TimeSpan Median(List<TimeSpan> spans) => spans.Order().ElementAt(spans.Count / 2);

    private static long Ticks(Process process)
    {
        // The name in brackets may hold blanks.
        var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/stat"));
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
    }

    private static long Proportional(Process process) => long.Parse(
        File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/smaps_rollup")).First(static line => line.StartsWith("Pss:", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) * 1024;

    private static async Task EndAsync(Process process)
    {
        using (process)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private async Task<(Process Process, AgentStream Stream, TimeSpan Took)> RunAsync(CancellationToken ct)
    {
        var begun = Stopwatch.GetTimestamp();
        var process = Process.Start(_program, ["--root", _node.Root, "--controller", _gateway.Address, "--log-level", "Error"]);
        try
        {
            var stream = await _gateway.NextAsync(ct).WaitAsync(Patience, ct);
            return (process, stream, Stopwatch.GetElapsedTime(begun));
        }
        catch (TimeoutException)
        {
            await EndAsync(process);
            throw;
        }
    }

    // The agent extension has nothing to do with BlueChi.
    private sealed class Nobody : IBlueChi
    {
        public IDisposable? TryRegister(string nodeName, EmulatedSystemd systemd) => null;
    }
}

using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Session;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Peers;
using Qm.Fleet.Lab.Processes;
using IBlueChi = Qm.Fleet.BlueChi.IBlueChi;

namespace Qm.Fleet.Lab.Demonstration;

/// <summary>How a real bluechi-controller and the client of the controller bear many nodes: all online, a job on each, the times and the memory.</summary>
/// <param name="controller">The bluechi-controller, whose AllowedNodeNames hold the nodes.</param>
/// <param name="count">How many nodes.</param>
/// <param name="output">Where to print.</param>
/// <param name="time">The clock.</param>
internal sealed class PeersRun(RealController controller, int count, TextWriter output, TimeProvider time)
{
    private const int MostReasons = 5;
    private readonly string[] _nodes = [.. Enumerable.Range(1, count).Select(number => $"ecu{number}")];

    // Half a minute whatever the number, and more for the many.
    private TimeSpan Deadline => TimeSpan.FromSeconds(30) + TimeSpan.FromMilliseconds(50 * count);

    /// <summary>Runs it. Answers the exit code: 0 when every node was online and every job done, 1 when not.</summary>
    /// <exception cref="LabException">The controller is not there, or does not let the nodes register.</exception>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        Print($"QM Fleet peers: {count} light nodes with the bluechi-controller at {controller.Address}        (Ctrl-C ends them)");
        var pid = await controller.CheckAsync(_nodes, time, cancellation).ConfigureAwait(false);
        var peers = new PeerBlueChi(new PeerOptions(controller.Address, PeerOptions.DefaultHeartbeatInterval), time);
        await using (peers.ConfigureAwait(false))
        {
            var begun = time.GetTimestamp();
            foreach (var node in _nodes)
            {
                peers.TryRegister(node, LightNode.Create(node, NodeTimings.Fast, time));
            }

            await peers.RegisteredAsync(_nodes, Deadline, cancellation).ConfigureAwait(false);
            Print("registered", $"{count} of {count}", begun);
            return await WithClientAsync(pid, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<int> WithClientAsync(int pid, CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var found = new FirstConnection();
        var begun = time.GetTimestamp();
        var session = new BlueChiSession(
            new BlueChiOptions { Address = controller.BusAddress }, found, time, static () => 0.5, NullLogger<BlueChiSession>.Instance).RunAsync(end.Token);
        try
        {
            var client = await ConnectedAsync(found, cancellation).ConfigureAwait(false);
            var online = await OnlineAsync(client, cancellation).ConfigureAwait(false);
            Print("online", $"{online} of {count}, as the client lists them", begun);

            begun = time.GetTimestamp();
            var outcomes = await Task.WhenAll(_nodes.Select(node => StartAsync(client, node, cancellation))).ConfigureAwait(false);
            string[] reasons = [.. outcomes.OfType<string>()];
            Print("jobs", $"{count - reasons.Length} of {count} done, StartUnit {LightNode.Unit}", begun);
            foreach (var reason in reasons.Take(MostReasons))
            {
                Print($"    {reason}");
            }

            online = Math.Min(online, await OnlineAsync(client, cancellation).ConfigureAwait(false));
            Print($"  {"memory",-12}bluechi-controller (process {pid}) {ResidentMemory.Of(pid)}");
            Print($"  {"",-12}this process, nodes and client     {ResidentMemory.Of(Environment.ProcessId)}");
            return reasons.Length == 0 && online == count ? 0 : 1;
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            await session.ConfigureAwait(false);
        }
    }

    private async Task<IBlueChi> ConnectedAsync(FirstConnection found, CancellationToken cancellation)
    {
        try
        {
            return await found.Client.WaitAsync(Deadline, time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new LabException($"The client did not connect to bluechi-controller within {Deadline.TotalSeconds:0} s: {found.Trouble}", e);
        }
    }

    private async Task<int> OnlineAsync(IBlueChi client, CancellationToken cancellation) => (await client.ListNodesAsync(cancellation).ConfigureAwait(false))
        .Where(node => node.Status == NodeStatus.Online).Select(node => node.Name).Intersect(_nodes).Count();

    // Null when the job was done, otherwise why not.
    private static async Task<string?> StartAsync(IBlueChi client, string node, CancellationToken cancellation)
    {
        try
        {
            var outcome = await client.StartUnitAsync(node, LightNode.Unit, cancellation).ConfigureAwait(false);
            return outcome.Result == JobResult.Done ? null : $"{node}: {outcome.Result}, {outcome.Detail}";
        }
        catch (BlueChiException e)
        {
            return $"{node}: {e.Message}";
        }
    }

    private void Print(string part, string text, long begun) =>
        Print(string.Create(CultureInfo.InvariantCulture, $"  {part,-12}{text,-44}{time.GetElapsedTime(begun).TotalSeconds:0.00} s"));

    private void Print(string line) => output.WriteLine(line);

    /// <summary>Waits for the client; what it tells of units is of no interest here.</summary>
    private sealed class FirstConnection : IBlueChiObserver
    {
        private readonly TaskCompletionSource<IBlueChi> _client = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<IBlueChi> Client => _client.Task;

        public string Trouble { get; private set; } = "it said nothing";

        public void Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes) => _client.TrySetResult(blueChi);

        public void Disconnected(string reason) => Trouble = reason;

        public void NodeStatusChanged(string node, NodeStatus status)
        {
        }

        public void UnitChanged(string node, string unit, UnitHint hint)
        {
        }
    }
}

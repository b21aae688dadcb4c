using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.BlueChi.Client;
using Qm.Fleet.BlueChi.Jobs;

namespace Qm.Fleet.Benchmarks.Bus;

/// <summary>The same as <c>reference/client.c</c>, through the typed client that the controller uses, down to its records.</summary>
internal sealed class MeasuredClient : IBlueChiObserver, IAsyncDisposable
{
    private const string Node = "ecu1";
    private readonly BusConnection _bus;
    private readonly string _owner;
    private readonly BlueChiClient _client;

    private MeasuredClient(BusConnection bus, string owner)
    {
        (_bus, _owner) = (bus, owner);
        _client = new(bus, owner, new JobTracker(), new UnsettledCommands(), this, new BlueChiOptions(), TimeProvider.System, NullLogger.Instance);
    }

    internal static async Task<MeasuredClient> ConnectAsync(string address, CancellationToken ct)
    {
        var bus = await BusConnection.ConnectAsync(address, TimeSpan.FromSeconds(10), TimeProvider.System, ct);
        var owner = await bus.FindOwnerAsync(Wire.Name, ct) ?? throw new InvalidOperationException($"nobody owns {Wire.Name}");
        var client = new MeasuredClient(bus, owner);
        await client._client.ListNodesAsync(ct);
        return client;
    }

    /// <summary>Seconds for so many calls, a window of them under way.</summary>
    internal async Task<double> CallsAsync(int count, int window, CancellationToken ct)
    {
        var left = count;
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, window).Select(async _ =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                await CallAsync(ct);
            }
        }));
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Seconds of each of so many calls, one after the other.</summary>
    internal async Task<double[]> LatencyAsync(int count, CancellationToken ct)
    {
        var seconds = new double[count];
        for (var call = 0; call < count; call++)
        {
            var start = Stopwatch.GetTimestamp();
            await CallAsync(ct);
            seconds[call] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        return seconds;
    }

    /// <summary>Seconds from asking to having read so many signals.</summary>
    internal async Task<double> SignalsAsync<TSignal>(int count, bool properties, CancellationToken ct)
    {
        var (left, all) = (count, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var monitor = await _client.CreateMonitorAsync(signal =>
        {
            if (signal is TSignal && Interlocked.Decrement(ref left) == 0)
            {
                all.TrySetResult();
            }
        }, ct);
        var start = Stopwatch.GetTimestamp();
        await _bus.CallAsync(_owner, $"{Wire.Root}/monitor/{monitor.Id}", Wire.Monitor, "Emit", [(uint)count, properties], TimeSpan.FromSeconds(30), ct: ct);
        await all.Task.WaitAsync(ct);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public void Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes)
    {
    }

    public void Disconnected(string reason)
    {
    }

    public void NodeStatusChanged(string node, NodeStatus status)
    {
    }

    public void UnitChanged(string node, string unit, UnitHint hint)
    {
    }

    public ValueTask DisposeAsync() => _bus.DisposeAsync();

    private async Task CallAsync(CancellationToken ct)
    {
        if (!(await _client.GetUnitPropertyAsync(Node, "radio.service", Wire.SystemdUnit, "ActiveState", ct)).TryGetString(out var state) || state != "active")
        {
            throw new InvalidOperationException("the site answered something else");
        }
    }
}

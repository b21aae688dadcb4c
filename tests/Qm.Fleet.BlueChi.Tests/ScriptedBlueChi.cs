using System.Collections.Concurrent;
using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi.Tests;

/// <summary>An org.eclipse.bluechi that answers as each test tells it to.</summary>
internal sealed class ScriptedBlueChi : IAsyncDisposable
{
    private readonly BusConnection _bus;
    private readonly string[] _nodes;
    private readonly SemaphoreSlim _called = new(0);

    private ScriptedBlueChi(BusConnection bus, string[] nodes) => (_bus, _nodes) = (bus, nodes);

    /// <summary>Answers calls to nodes; the default is an error.</summary>
    internal Func<MethodCall, Task> OnNodeCall { get; set; } = _ => throw new BusErrorException("test.Unscripted", "no script");

    /// <summary>What the list of nodes says of them; online unless it is here.</summary>
    internal ConcurrentDictionary<string, string> Statuses { get; } = new();

    /// <summary>What units are doing, on all nodes alike; a unit that is not here is asked of <see cref="OnNodeCall"/>.</summary>
    internal ConcurrentDictionary<string, ScriptedUnit> Units { get; } = new() { ["a.service"] = new("inactive", 0) };

    /// <summary>Methods that were called, in order; reading properties is left out.</summary>
    internal ConcurrentQueue<string> Calls { get; } = new();

    internal static async Task<ScriptedBlueChi> StartAsync(PrivateBus bus, params string[] nodes)
    {
        var blueChi = new ScriptedBlueChi(await bus.ConnectAsync(), nodes);
        blueChi._bus.Serve(Wire.Root, blueChi.AnswerAsync);
        await blueChi._bus.RequestNameAsync(Wire.Name);
        return blueChi;
    }

    public async ValueTask DisposeAsync()
    {
        await _bus.DisposeAsync();
        _called.Dispose();
    }

    internal static string PathOf(string node) => $"{Wire.Root}/node/{node.Replace(".", "_2e", StringComparison.Ordinal)}";

    internal static string JobPath(uint id) => $"{Wire.Root}/job/{id}";

    internal void EmitJobRemoved(uint id, string node, string unit, string result) =>
        _bus.Emit(Wire.Root, Wire.Controller, "JobRemoved", [id, new BusValue.ObjectPath(JobPath(id)), node, unit, result]);

    internal void EmitStatus(string node, string status) => _bus.Emit(PathOf(node), Wire.Properties, "PropertiesChanged",
        [Wire.Node, BusValue.Properties([KeyValuePair.Create<string, BusValue>("Status", status)]), BusValue.Strings([])]);

    internal void EmitUnit(string member, params ImmutableArray<BusValue> body) => _bus.Emit($"{Wire.Root}/monitor/1", Wire.Monitor, member, body);

    /// <summary>Waits until a method is called, or has been.</summary>
    internal async Task CalledAsync(string method, CancellationToken ct)
    {
        while (!Calls.Contains(method))
        {
            await _called.WaitAsync(ct);
        }
    }

    private Task AnswerAsync(MethodCall call)
    {
        if (call.Member != "GetUnitProperties")
        {
            Calls.Enqueue(call.Member);
            _called.Release();
        }

        switch (call.Member)
        {
            case "ListNodes":
                call.Reply(new BusValue.Array("(soss)", [.. _nodes.Select(node => new BusValue.Struct([node, new BusValue.ObjectPath(PathOf(node)), Statuses.GetValueOrDefault(node, "online"), ""]))]));
                return Task.CompletedTask;
            case "GetUnitProperties" when Units.TryGetValue(call.Body[0].AsText(), out var unit):
                call.Reply(BusValue.Properties(unit.Properties));
                return Task.CompletedTask;
            case "CreateMonitor":
                call.Reply(new BusValue.ObjectPath($"{Wire.Root}/monitor/1"));
                return Task.CompletedTask;
            case "Subscribe" or "SubscribeList":
                call.Reply(2u);
                return Task.CompletedTask;
            case "Unsubscribe" or "Close":
                call.Reply();
                return Task.CompletedTask;
            default:
                return OnNodeCall(call);
        }
    }
}

/// <summary>What a unit is doing.</summary>
/// <param name="ActiveState">systemd's word.</param>
/// <param name="Invocation">Counts its starts; 0 before the first.</param>
/// <param name="JobId">The queued systemd job; 0 for none.</param>
internal sealed record ScriptedUnit(string ActiveState, byte Invocation, uint JobId = 0)
{
    internal IEnumerable<KeyValuePair<string, BusValue>> Properties =>
    [
        new("LoadState", "loaded"),
        new("ActiveState", ActiveState),
        new("SubState", "any"),
        new("InvocationID", new BusValue.Bytes(Invocation == 0 ? [] : [.. Enumerable.Repeat(Invocation, 16)])),
        new("Job", new BusValue.Struct([JobId, new BusValue.ObjectPath("/")])),
    ];
}

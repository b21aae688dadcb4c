using System.Collections.Concurrent;
using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi.Tests;

/// <summary>An org.eclipse.bluechi that answers as each test tells it to.</summary>
internal sealed class ScriptedBlueChi : IAsyncDisposable
{
    private readonly BusConnection _bus;
    private readonly string[] _nodes;

    private ScriptedBlueChi(BusConnection bus, string[] nodes) => (_bus, _nodes) = (bus, nodes);

    /// <summary>Answers calls to nodes; the default is an error.</summary>
    internal Func<MethodCall, Task> OnNodeCall { get; set; } = _ => throw new BusErrorException("test.Unscripted", "no script");

    /// <summary>Methods that were called, in order.</summary>
    internal ConcurrentQueue<string> Calls { get; } = new();

    internal static async Task<ScriptedBlueChi> StartAsync(PrivateBus bus, params string[] nodes)
    {
        var blueChi = new ScriptedBlueChi(await bus.ConnectAsync(), nodes);
        blueChi._bus.Serve(Wire.Root, blueChi.AnswerAsync);
        await blueChi._bus.RequestNameAsync(Wire.Name);
        return blueChi;
    }

    public ValueTask DisposeAsync() => _bus.DisposeAsync();

    internal static string PathOf(string node) => $"{Wire.Root}/node/{node.Replace(".", "_2e", StringComparison.Ordinal)}";

    internal static string JobPath(uint id) => $"{Wire.Root}/job/{id}";

    internal void EmitJobRemoved(uint id, string node, string unit, string result) =>
        _bus.Emit(Wire.Root, Wire.Controller, "JobRemoved", [id, new BusValue.ObjectPath(JobPath(id)), node, unit, result]);

    internal void EmitStatus(string node, string status) => _bus.Emit(PathOf(node), Wire.Properties, "PropertiesChanged",
        [Wire.Node, BusValue.Properties([KeyValuePair.Create<string, BusValue>("Status", status)]), BusValue.Strings([])]);

    internal void EmitUnit(string member, params ImmutableArray<BusValue> body) => _bus.Emit($"{Wire.Root}/monitor/1", Wire.Monitor, member, body);

    private Task AnswerAsync(MethodCall call)
    {
        Calls.Enqueue(call.Member);
        switch (call.Member)
        {
            case "ListNodes":
                call.Reply(new BusValue.Array("(soss)", [.. _nodes.Select(node => new BusValue.Struct([node, new BusValue.ObjectPath(PathOf(node)), "online", ""]))]));
                return Task.CompletedTask;
            case "CreateMonitor":
                call.Reply(new BusValue.ObjectPath($"{Wire.Root}/monitor/1"));
                return Task.CompletedTask;
            case "Subscribe":
                call.Reply(2u);
                return Task.CompletedTask;
            default:
                return OnNodeCall(call);
        }
    }
}

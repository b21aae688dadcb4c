using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Whatever is asked of the API with the name of a unit outside QM, the systemd of the node's host hears nothing of it.</summary>
[Trait("Requirement", "QMF-ASIL-001")]
[Trait("Requirement", "QMF-RULE-6")]
public sealed class HostUnitTests
{
    private const string Brake = "brake-control.service";

    [Fact]
    public async Task EveryMethodThatTakesAUnit_WithOneOfTheHost_ReachesNoSystemd()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var host = lab.Lab.Nodes[0].Host;
        var (state, calls) = (State(host), Total(lab));
        var invoker = lab.Lab.Channel.CreateCallInvoker();
        var asked = new List<string>();

        foreach (var method in MethodsWithAUnit())
        {
            foreach (var request in Requests(method.InputType))
            {
                var status = await CallAsync(invoker, method, request);
                // What reads answers, and what changes the list of units does what it is for; all others are refused.
                if (method.Service.Name == "NodeService")
                {
                    Assert.True(status.StatusCode is StatusCode.FailedPrecondition or StatusCode.NotFound or StatusCode.InvalidArgument, $"{method.FullName}: {status}");
                }

                asked.Add(method.Name);
            }
        }

        Assert.Superset(new HashSet<string> { "StartUnit", "StopUnit", "RestartUnit", "FreezeUnit", "ThawUnit", "SetUnitProperties", "GetLogs", "CanI" }, asked.ToHashSet());
        Assert.Equal(state, State(host));
        Assert.Equal(calls, Total(lab));
        Assert.DoesNotContain(await lab.EventsAsync(), static one => one.Reason is "HostUnitUsed" or "OperationBegun");
    }

    [Fact]
    public async Task ListedUnit_IsRestartedOnTheHostForAPersonAndNeverByItself()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var host = lab.Lab.Nodes[0].Host;
        var unit = host.Units.Select(static unit => unit.Name).First(static name => name is not ("qm.service" or "bluechi-agent.service") && name.EndsWith(".service", StringComparison.Ordinal));
        var before = lab.Calls("ecu1", "RestartUnit");

        var refused = await lab.Lab.RunCliAsync(["restart", "ecu1", unit, "--on-host"], FleetLab.Ct);
        await lab.RunAsync("auth", "host-units", "allow", unit, "--reason", "bench 4 has no ignition", "-l", "zone=cockpit");
        var done = await lab.RunAsync("restart", "ecu1", unit, "--on-host");

        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("rule 6", refused.Output, StringComparison.Ordinal);
        Assert.Contains(unit, done, StringComparison.Ordinal);
        Assert.Equal(before + 1, lab.Calls("ecu1", "RestartUnit"));
        var used = Assert.Single(await lab.EventsAsync(), static one => one.Reason == "HostUnitUsed");
        Assert.Equal(("ecu1", unit), (used.Node, used.Unit));
        Assert.Contains("bench 4 has no ignition", used.Message, StringComparison.Ordinal);
        Assert.Contains(unit, await lab.RunAsync("auth", "host-units", "list"), StringComparison.Ordinal);

        await lab.RunAsync("auth", "host-units", "remove", unit);
        Assert.Equal(4, (await lab.Lab.RunCliAsync(["restart", "ecu1", unit, "--on-host"], FleetLab.Ct)).ExitCode);
        Assert.Equal(before + 1, lab.Calls("ecu1", "RestartUnit"));
    }

    // Found by their descriptors, so that a new one is among them.
    private static IReadOnlyList<MethodDescriptor> MethodsWithAUnit() =>
    [
        .. typeof(Node).Assembly.GetTypes().Where(static type => type.Namespace == typeof(Node).Namespace).Select(static type => type.GetProperty("Descriptor", typeof(FileDescriptor)))
            .OfType<System.Reflection.PropertyInfo>().Select(static property => (FileDescriptor)property.GetValue(null)!).SelectMany(static file => file.Services)
            .Where(static service => service.Name is not ("NodeGateway" or "HostUnitService")).SelectMany(static service => service.Methods)
            .Where(static method => !method.IsClientStreaming && HasUnit(method.InputType)),
    ];

    private static bool HasUnit(MessageDescriptor type) => type.Fields.InFieldNumberOrder().Any(static field => field is { Name: "unit", FieldType: FieldType.String });

    // The node's host, and everything that QM of the node could be called, as the node; with and without asking for the host.
    private static IEnumerable<IMessage> Requests(MessageDescriptor type)
    {
        foreach (var node in new[] { "ecu1", "qm.ecu1", "qm.qm.ecu1" })
        {
            foreach (var onHost in type.FindFieldByName("on_host") is null ? new[] { false } : [false, true])
            {
                var message = type.Parser.ParseFrom([]);
                type.FindFieldByName("node")?.Accessor.SetValue(message, node);
                type.FindFieldByName("unit").Accessor.SetValue(message, Brake);
                if (onHost)
                {
                    type.FindFieldByName("on_host").Accessor.SetValue(message, true);
                }

                if (type.FindFieldByName("properties") is { IsMap: true } properties)
                {
                    ((IDictionary)properties.Accessor.GetValue(message))["CPUQuota"] = "50%";
                }

                if (type.FindFieldByName("verb") is { } verb)
                {
                    verb.Accessor.SetValue(message, "restart");
                    type.FindFieldByName("resource").Accessor.SetValue(message, "units");
                }

                yield return message;
            }
        }
    }

    private static async Task<Status> CallAsync(CallInvoker invoker, MethodDescriptor method, IMessage request)
    {
        var bytes = Marshallers.Create(static (byte[] value) => value, static value => value);
        var grpc = new Method<byte[], byte[]>(method.IsServerStreaming ? MethodType.ServerStreaming : MethodType.Unary, method.Service.FullName, method.Name, bytes, bytes);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, FleetLab.Ct);
        try
        {
            if (!method.IsServerStreaming)
            {
                await invoker.AsyncUnaryCall(grpc, null, new CallOptions(cancellationToken: either.Token), request.ToByteArray());
                return Status.DefaultSuccess;
            }

            using var streamed = invoker.AsyncServerStreamingCall(grpc, null, new CallOptions(cancellationToken: either.Token), request.ToByteArray());
            await streamed.ResponseStream.MoveNext(either.Token);
            return Status.DefaultSuccess;
        }
        catch (RpcException e)
        {
            return e.Status;
        }
    }

    private static IReadOnlyList<string> State(Lab.Nodes.EmulatedSystemd host) => [.. host.Units.Select(unit => $"{unit.Name} {unit.ActiveState} {unit.SubState} {unit.InvocationId}").Order(StringComparer.Ordinal)];

    // Each call that changes something, on the host and in QM, refused ones included.
    private static ulong Total(FleetLab lab) => lab.Lab.Counters.Total;
}

using Grpc.Core;
using Qm.Fleet.Controller.Gateway;

namespace Qm.Fleet.Controller.Tests.Gateway;

/// <summary>The other end of a link, by hand: a real gRPC client with a node's certificate.</summary>
internal sealed class Agent : IDisposable
{
    private readonly AsyncDuplexStreamingCall<V1.AgentMessage, V1.ControllerMessage> _call;

    private Agent(AsyncDuplexStreamingCall<V1.AgentMessage, V1.ControllerMessage> call) => _call = call;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Dials in and says Hello; the Welcome is not read yet.</summary>
    public static async Task<Agent> DialAsync(RunningController controller, string certificate, string node, int protocol = 1, string boot = "boot-1")
    {
        var agent = new Agent(new V1.NodeGateway.NodeGatewayClient(controller.Node(certificate)).Connect(cancellationToken: Ct));
        await agent.SendAsync(new V1.AgentMessage
        {
            Hello = new V1.Hello { Node = node, Version = "0.1.0", Protocol = protocol, BootId = boot },
        });
        return agent;
    }

    /// <summary>Dials in, is welcomed, and can be reached: the link opens right after the welcome.</summary>
    public static async Task<Agent> ConnectAsync(RunningController controller, string node = "ecu1", string boot = "boot-1")
    {
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, node);
        var agent = await DialAsync(controller, node, node, boot: boot);
        Assert.NotNull((await agent.ReceiveAsync()).Welcome);
        await heard.UntilAsync(() => links.IsConnected(node));
        return agent;
    }

    public Task SendAsync(V1.AgentMessage message) => _call.RequestStream.WriteAsync(message, Ct);

    public Task ReportAsync(string revision) => SendAsync(new V1.AgentMessage { Report = new V1.NodeReport { Revision = revision } });

    public Task AnswerAsync(string id) => SendAsync(new V1.AgentMessage { Result = new V1.CommandResult { Id = id, Ok = true } });

    public async Task<V1.ControllerMessage> ReceiveAsync()
    {
        Assert.True(await _call.ResponseStream.MoveNext(Ct).WaitAsync(RunningController.Deadline, Ct));
        return _call.ResponseStream.Current;
    }

    /// <summary>Reads until the stream ends, and ends as it did.</summary>
    public async Task EndAsync()
    {
        while (await _call.ResponseStream.MoveNext(Ct))
        {
        }
    }

    public Task HangUpAsync() => _call.RequestStream.CompleteAsync();

    public void Dispose() => _call.Dispose();
}

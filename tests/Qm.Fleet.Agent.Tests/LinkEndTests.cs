using Grpc.Core;
using Qm.Fleet.Agent.Link;

namespace Qm.Fleet.Agent.Tests;

public sealed class LinkEndTests
{
    public static TheoryData<Exception, string> Ends => new()
    {
        { new RpcException(new Status(StatusCode.Unavailable, "gone")), "Unavailable: gone" },
        { new RpcException(new Status(StatusCode.Unavailable, "gone", new IOException("outer", new IOException("reset by peer")))), "Unavailable: gone (reset by peer)" },
        { new HttpIOException(HttpRequestError.ResponseEnded, "The response ended prematurely."), "The response ended prematurely. (ResponseEnded)" },
        { new IOException("broken pipe"), "broken pipe" },
        { new HttpRequestException("connection refused"), "connection refused" },
        { new ObjectDisposedException("channel", "the channel is closed"), "the channel is closed" },
        { new TimeoutException("no welcome"), "no welcome" },
        { new OperationCanceledException(), "the stream was cut" },
    };

    // A controller that is killed ends its connections at any moment: in the middle of a write, too.
    [Theory]
    [MemberData(nameof(Ends))]
    public void Explain_WhateverALostConnectionThrows_IsAReasonAndNotTheEndOfTheAgent(Exception exception, string reason) =>
        Assert.StartsWith(reason, GatewayLink.Explain(exception, isStopping: false), StringComparison.Ordinal);

    [Fact]
    public void Explain_TheAgentsOwnEndOrABug_IsNoReasonToGoOn()
    {
        Assert.Null(GatewayLink.Explain(new OperationCanceledException(), isStopping: true));
        Assert.Null(GatewayLink.Explain(new ArgumentNullException(), isStopping: false));
    }
}

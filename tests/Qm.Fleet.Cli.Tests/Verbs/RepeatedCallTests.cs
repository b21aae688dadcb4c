using Grpc.Core;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

[Trait("Requirement", "QMF-CLI-014")]
public sealed class RepeatedCallTests : CliTest
{
    private static readonly RpcException Lost = new(new(StatusCode.Unavailable, "the controller stops"));

    [Fact]
    public async Task Change_ConnectionLostOnce_IsAskedForAgainWithTheSameId()
    {
        Prepare(Lost);

        Assert.Equal(ExitCode.Done, await RunAsync("restart", "ecu2", "radio.service", "--no-wait"));

        var ids = Server.Nodes.Changes.Cast<RestartUnitRequest>().Select(request => request.RequestId).ToArray();
        Assert.Equal(2, ids.Length);
        Assert.True(Guid.TryParse(ids[0], out _), ids[0]);
        Assert.Equal(ids[0], ids[1]);
    }

    [Fact]
    public async Task Change_ConnectionLostTwice_Is6()
    {
        Prepare(Lost, Lost);

        Assert.Equal(ExitCode.Unreachable, await RunAsync("node", "cordon", "ecu2"));
        Assert.Equal(2, Server.Nodes.Changes.Count);
    }

    [Fact]
    public async Task Change_Refused_IsNotAskedForAgain()
    {
        Prepare(new RpcException(new(StatusCode.FailedPrecondition, "ecu2 is not heard through BlueChi")));

        Assert.Equal(ExitCode.Refused, await RunAsync("start", "ecu2", "radio.service"));
        Assert.Single(Server.Nodes.Changes);
        Assert.Equal("refused: ecu2 is not heard through BlueChi\n", Errors);
    }

    [Fact]
    public async Task Change_EachCall_HasAnIdOfItsOwn()
    {
        Prepare();
        await RunAsync("node", "cordon", "ecu2");
        await RunAsync("node", "cordon", "ecu2");

        Assert.Equal(2, Server.Nodes.Changes.Cast<CordonNodeRequest>().Select(request => request.RequestId).Distinct().Count());
    }

    private void Prepare(params RpcException[] errors)
    {
        Server.Nodes.Stored.Add(new() { Metadata = new() { Name = "ecu2" } });
        foreach (var error in errors)
        {
            Server.Nodes.Errors.Enqueue(error);
        }
    }
}

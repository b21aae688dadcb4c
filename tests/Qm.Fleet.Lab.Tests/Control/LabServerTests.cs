using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using Qm.Fleet.Lab.Control;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Tests.BlueChi;
using Qm.Fleet.Lab.V1;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Control;

/// <summary>The lab's service over its socket.</summary>
[Trait("Requirement", "QMF-LAB-004")]
public sealed class LabServerTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("qmlab-").FullName;
    private TestSite _site = null!;
    private FaultInjector _faults = null!;
    private LabServer _server = null!;
    private GrpcChannel _channel = null!;
    private LabService.LabServiceClient _lab = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string SocketPath => Path.Combine(_directory, "lab.sock");

    public async ValueTask InitializeAsync()
    {
        _site = await TestSite.StartAsync();
        _faults = new FaultInjector(_site.BlueChi, [_site.Node], (node, ct) => node.RebootAsync(ct), TimeProvider.System);
        _server = await LabServer.StartAsync(SocketPath, _faults, Ct);
        _channel = GrpcChannel.ForAddress("http://lab", new()
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectCallback = async (_, ct) =>
                {
                    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), ct);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            },
            DisposeHttpClient = true,
        });
        _lab = new(_channel);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _server.DisposeAsync();
        await _faults.DisposeAsync();
        await _site.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void Socket_IsItsOwnersAlone() => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));

    [Fact]
    public async Task Inject_EachThatStaysOn_IsListedAndCleared()
    {
        InjectRequest[] requests =
        [
            new() { Freeze = new() },
            new() { Delay = new() { By = new() { Seconds = 1 } } },
            new() { MergeJobs = new() },
            new() { Flood = new() { Rate = 10 } },
            new() { Refuse = new() { Error = "AccessDenied", Method = "Reload" } },
            new() { CrashLoop = new() },
            new() { Slow = new() { Unit = "radio.service", By = new() { Seconds = 2 } } },
            new() { FailStart = new() { Unit = "radio.service", Times = 3 } },
        ];
        foreach (var request in requests)
        {
            request.Node = "ecu1";
            Assert.StartsWith("ecu1: ", (await _lab.InjectAsync(request, cancellationToken: Ct)).Message, StringComparison.Ordinal);
        }

        var on = (await _lab.ListFaultsAsync(new(), cancellationToken: Ct)).Faults;
        Assert.Equal(
            [
                "ecu1 freeze", "ecu1 delay 1s", "ecu1 merge-jobs the next job", "ecu1 flood 10/s", "ecu1 refuse Reload org.freedesktop.DBus.Error.AccessDenied", "ecu1 crash-loop",
                "ecu1 slow radio.service 2s", "ecu1 fail-start radio.service 3",
            ],
            on.Select(fault => $"{fault.Node} {fault.Name} {fault.Detail}".TrimEnd()));
        Assert.Equal(on, (await _lab.ClearFaultsAsync(new() { Node = "ecu1" }, cancellationToken: Ct)).Cleared);
        Assert.Empty((await _lab.ListFaultsAsync(new(), cancellationToken: Ct)).Faults);
    }

    [Fact]
    public async Task Inject_ManyThingsWrong_TellsAllOfThem()
    {
        var error = await RefusedAsync(new() { Node = "ecu9", Refuse = new() { Error = "no name", Unit = "radio", Method = "Explode" } });
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(["node", "refuse.error", "refuse.unit", "refuse.method"], error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Select(violation => violation.Field));
    }

    [Fact]
    public async Task Inject_OnSeveralNodes_BeginsOnEach()
    {
        var answer = await _lab.InjectAsync(new() { Nodes = { "ecu1", "qm.ecu1" }, Delay = new() { By = new() { Seconds = 1 } } }, cancellationToken: Ct);
        Assert.Equal("ecu1: every call takes 1s longer\nqm.ecu1: every call takes 1s longer", answer.Message);
        await _lab.InjectAsync(new() { Nodes = { "all" }, CrashLoop = new() }, cancellationToken: Ct);
        Assert.Equal(["ecu1 delay", "ecu1 crash-loop", "qm.ecu1 delay"], (await _lab.ListFaultsAsync(new(), cancellationToken: Ct)).Faults.Select(fault => $"{fault.Node} {fault.Name}"));
    }

    [Fact]
    public async Task Inject_OnSeveralNodesOfWhichOneIsInNoStateForIt_SaysWhereItIsOn()
    {
        await _site.Node.Host.RunAsync(JobType.Stop, "qm.service", Ct);
        Assert.Equal(
            new Status(StatusCode.FailedPrecondition, "No BlueChi agent registered as qm.ecu1 lives.; it is on at ecu1"),
            StatusOf(await RefusedAsync(new() { Nodes = { "ecu1", "qm.ecu1" }, Freeze = new() })));
    }

    [Theory]
    [InlineData("nodes: one is named twice", "ecu1", "ecu1")]
    [InlineData("nodes: \"ecu8\": the lab has no such node; it has ecu1, qm.ecu1; nodes: \"ecu9\": the lab has no such node; it has ecu1, qm.ecu1; flap.every: expected a time from 100 ms to 24 h", "ecu8", "ecu9")]
    public async Task Inject_OnNodesThatAreNamedBadly_TellsEveryProblem(string problems, params string[] nodes)
    {
        var error = await RefusedAsync(new() { Nodes = { nodes }, Flap = new() { Every = nodes[0] == "ecu1" ? new() { Seconds = 1 } : new() } });
        Assert.Equal(new Status(StatusCode.InvalidArgument, problems), StatusOf(error));
    }

    [Fact]
    public async Task Inject_UnknownNode_SaysWhichThereAre() =>
        Assert.Equal(new Status(StatusCode.NotFound, "\"ecu9\": the lab has no such node; it has ecu1, qm.ecu1"), StatusOf(await RefusedAsync(new() { Node = "ecu9", Freeze = new() })));

    [Fact]
    public async Task Clear_UnknownNode_SaysWhichThereAre()
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await _lab.ClearFaultsAsync(new() { Node = "ecu9" }, cancellationToken: Ct));
        Assert.Equal(new Status(StatusCode.NotFound, "\"ecu9\": the lab has no such node; it has ecu1, qm.ecu1"), StatusOf(error));
    }

    [Fact]
    public async Task Inject_WhatTheNodeIsInNoStateFor_IsRefusedWithTheReason()
    {
        await _site.Node.Host.RunAsync(JobType.Stop, "qm.service", Ct);
        Assert.Equal(new Status(StatusCode.FailedPrecondition, "QM of ecu1 does not run"), StatusOf(await RefusedAsync(new() { Node = "ecu1", CrashQm = new() })));
        Assert.Equal(new Status(StatusCode.FailedPrecondition, "No BlueChi agent registered as qm.ecu1 lives."), StatusOf(await RefusedAsync(new() { Node = "qm.ecu1", Freeze = new() })));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100_001)]
    public async Task Inject_FloodOutOfBounds_IsRefused(int rate) =>
        Assert.Equal(StatusCode.InvalidArgument, (await RefusedAsync(new() { Node = "ecu1", Flood = new() { Rate = rate } })).StatusCode);

    [Fact]
    public async Task Inject_NoFault_IsRefused() => Assert.Equal(StatusCode.InvalidArgument, (await RefusedAsync(new() { Node = "ecu1" })).StatusCode);

    private static Status StatusOf(RpcException error) => new(error.StatusCode, error.Status.Detail);

    private Task<RpcException> RefusedAsync(InjectRequest request) => Assert.ThrowsAsync<RpcException>(async () => await _lab.InjectAsync(request, cancellationToken: Ct));
}

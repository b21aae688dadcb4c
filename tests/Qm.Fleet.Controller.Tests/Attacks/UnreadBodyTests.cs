using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Qm.Fleet.Controller.Security.Limits;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>Requests that are large and never end: each may be so, and all of one together may not.</summary>
[Trait("Requirement", "QMF-LIMIT-006")]
public sealed class UnreadBodyTests
{
    // Two of the largest messages, less what the last of their bytes would be.
    private const int Mebibytes = 8;
    private const int Large = (4 << 20) - 1024;
    private const string Exhausted = "8";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/qm.fleet.v1.NodeService/Apply", "application/grpc")]
    [InlineData("/v1/nodes:apply", "application/json")]
    public async Task Requests_OfOneIdentityThatNeverEnd_HoldNoMoreThanItsShareTogether(string path, string type)
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { RequestMemoryPerIdentity = Mebibytes });
        using var client = controller.Http("");
        using var hangUp = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var calls = Enumerable.Range(0, 3).Select(_ => client.SendAsync(Request(path, type), HttpCompletionOption.ResponseHeadersRead, hangUp.Token)).ToArray();

        // Any two have room, and what is more is refused before it is there.
        using var refused = await (await Task.WhenAny(calls)).WaitAsync(RunningController.Deadline, Ct);

        Assert.Equal(type == "application/json" ? "429" : Exhausted, refused.Headers.TryGetValues("grpc-status", out var status) ? status.Single() : $"{(int)refused.StatusCode}");
        Assert.Equal(2, calls.Count(static call => !call.IsCompleted));
        Assert.Equal("admin:local-admin", (await Witness.ToldAsync(controller, LimitNames.RequestMemory)).Actor);
        await Witness.IsServedAsync(controller);

        await hangUp.CancelAsync();
        await Task.WhenAll(calls.Select(static call => Record.ExceptionAsync(() => call).AsTask()));
        await AssertHasRoomAsync(controller);
    }

    // What is sent on a stream that is not read stays with its sender, but for a window of it.
    [Fact]
    public async Task Windows_OfConnectionsAndStreams_AreWhatIsCountedWith()
    {
        const int InitialWindowSize = 4;
        const int DefaultWindowBytes = 65_535;
        await using var controller = await RunningController.StartAsync();
        using var key = Forger.Node(controller, "ecu1");
        await using var wire = await Http2Wire.ConnectAsync(controller, key);

        var settings = await wire.UntilAsync(static frame => frame is { Type: Frame.Settings, Flags: 0 });
        var update = await wire.UntilAsync(static frame => frame is { Type: Frame.WindowUpdate, Stream: 0 });

        Assert.Equal(
            ServerLimits.StreamWindowBytes,
            settings!.Payload.Chunk(6).Where(static setting => BinaryPrimitives.ReadUInt16BigEndian(setting) == InitialWindowSize).Select(static setting => BinaryPrimitives.ReadInt32BigEndian(setting.AsSpan(2))).Single());
        Assert.Equal(ServerLimits.ConnectionWindowBytes, DefaultWindowBytes + BinaryPrimitives.ReadInt32BigEndian(update!.Payload));
    }

    private static HttpRequestMessage Request(string path, string type)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new Unending(type), Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Add("TE", "trailers");
        return request;
    }

    // What was held is given back, as soon as it is noticed that nobody waits any more.
    private static async Task AssertHasRoomAsync(RunningController controller)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(RunningController.Deadline);
        var nodes = new V1.NodeService.NodeServiceClient(controller.Admin());
        var large = new V1.ApplyNodesRequest { Nodes = { new V1.Node { Metadata = new() { Name = new('x', Large - 64) } } } };
        while ((await Assert.ThrowsAsync<RpcException>(() => nodes.ApplyAsync(large, cancellationToken: late.Token).ResponseAsync)).StatusCode is not StatusCode.InvalidArgument and var code)
        {
            Assert.Equal(StatusCode.ResourceExhausted, code);
            await Task.Delay(TimeSpan.FromMilliseconds(50), late.Token);
        }
    }

    /// <summary>All but the end of a large message.</summary>
    private sealed class Unending : HttpContent
    {
        private readonly string _type;

        public Unending(string type) => (_type, Headers.ContentType) = (type, new MediaTypeHeaderValue(type));

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, Ct);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            var bytes = new byte[Large];
            bytes.AsSpan().Fill((byte)' ');
            if (_type == "application/grpc")
            {
                bytes[0] = 0;
                BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(1), Large);
            }
            await stream.WriteAsync(bytes, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}

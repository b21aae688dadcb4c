using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Qm.Fleet.Controller.Security.Limits;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>Messages that say they are large, or become it.</summary>
[Trait("Requirement", "QMF-ATTACK-006")]
public sealed class MessageTests
{
    private const string Exhausted = "8";
    private const string Invalid = "3";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("FleetService/Apply", 0xffff_ffff, Invalid)]
    [InlineData("FleetService/Apply", 0x7fff_ffff, Exhausted)]
    [InlineData("FleetService/Apply", (4 << 20) + 1, Exhausted)]
    [InlineData("AccessService/ApplyRole", (256 << 10) + 1, Exhausted)]
    [InlineData("OperationService/Get", 0xffff_ffff, Invalid)]
    public async Task Length_ThatIsTooLarge_IsRefusedBeforeItIsThere(string method, uint length, string status)
    {
        await using var controller = await RunningController.StartAsync();

        Assert.Equal(status, await CallAsync(controller, method, Message(0, length, [1, 2, 3])));
        await Witness.IsServedAsync(controller);
    }

    [Theory]
    [InlineData("FleetService/Apply", 4096)]
    [InlineData("NodeService/Apply", 4096)]
    [InlineData("ArtifactService/Push", 1024)]
    [InlineData("AccessService/ApplyRole", 256)]
    public async Task Bomb_OfGzip_IsRefusedBeforeItHasBurst(string method, int most)
    {
        await using var controller = await RunningController.StartAsync();
        var bomb = Bomb.Value;
        // As it comes it is small enough for any of them.
        Assert.InRange(bomb.Length, 1, MessageSizes.Other);
        var before = GC.GetTotalAllocatedBytes();

        // By who unpacks it, and not by who counts what was unpacked.
        Assert.Equal((Exhausted, $"The unpacked message is larger than {most} KiB. Ask for less at once."), await AnswerAsync(controller, method, Message(1, (uint)bomb.Length, bomb), "gzip"));

        // Whatever this process did meanwhile, it did not hold all these zeros.
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 128 << 20);
        await Witness.IsServedAsync(controller);
    }

    [Fact]
    public void Bomb_OfGzip_IsUnpackedUpToItsBoundOnly()
    {
        using var unpacked = new BoundedGzip(1 << 20).CreateDecompressionStream(new MemoryStream(Gzip(64 << 20)));
        var (piece, count) = (new byte[4096], 0);

        Assert.Throws<RpcException>(() =>
        {
            while (unpacked.Read(piece) is > 0 and var some)
            {
                count += some;
            }
        });

        Assert.InRange(count, (1 << 20) - piece.Length, 1 << 20);
    }

    [Fact]
    public async Task Message_ThatIsPacked_IsReadAsAnyOther()
    {
        await using var controller = await RunningController.StartAsync();
        var empty = Gzip(0);

        Assert.Equal("0", await CallAsync(controller, "FleetService/List", Message(1, (uint)empty.Length, empty), "gzip"));
        Assert.Equal(Invalid, await CallAsync(controller, "FleetService/List", Message(1, 4, [1, 2, 3, 4]), "gzip"));
        Assert.Equal("12", await CallAsync(controller, "FleetService/List", Message(1, 4, [1, 2, 3, 4]), "br"));
    }

    private static byte[] Message(byte isPacked, uint length, byte[] content)
    {
        var bytes = new byte[5 + content.Length];
        bytes[0] = isPacked;
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1), length);
        content.CopyTo(bytes.AsSpan(5));
        return bytes;
    }

    private static readonly Lazy<byte[]> Bomb = new(static () => Gzip(200 << 20));

    private static byte[] Gzip(int zeros)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            var some = new byte[1 << 20];
            for (var left = zeros; left > 0; left -= some.Length)
            {
                gzip.Write(some);
            }
        }
        return zeros == 0 ? GzipOfNothing : packed.ToArray();
    }

    // GZipStream writes nothing for nothing.
    private static readonly byte[] GzipOfNothing = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>The gRPC status of a call.</summary>
    private static async Task<string> CallAsync(RunningController controller, string method, byte[] body, string? encoding = null) =>
        (await AnswerAsync(controller, method, body, encoding)).Status;

    /// <summary>The gRPC status of a call, and its words.</summary>
    private static async Task<(string Status, string Message)> AnswerAsync(RunningController controller, string method, byte[] body, string? encoding = null)
    {
        using var client = controller.Http("");
        using var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } };
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/qm.fleet.v1.{method}") { Content = content, Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Add("TE", "trailers");
        if (encoding is not null)
        {
            request.Headers.Add("grpc-encoding", encoding);
        }
        using var response = await client.SendAsync(request, Ct);
        await response.Content.ReadAsByteArrayAsync(Ct);
        var headers = response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders;
        return (headers.GetValues("grpc-status").Single(), headers.TryGetValues("grpc-message", out var words) ? Uri.UnescapeDataString(words.Single()) : "");
    }
}

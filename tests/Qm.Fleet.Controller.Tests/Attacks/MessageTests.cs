using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;

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
    [InlineData("FleetService/Apply")]
    [InlineData("AccessService/ApplyRole")]
    public async Task Bomb_OfGzip_IsRefusedBeforeItHasBurst(string method)
    {
        await using var controller = await RunningController.StartAsync();
        var bomb = Gzip(512 << 20);
        var before = GC.GetTotalAllocatedBytes();

        Assert.Equal(Exhausted, await CallAsync(controller, method, Message(1, (uint)bomb.Length, bomb), "gzip"));

        // Whatever this process did meanwhile, it did not hold half a GiB of zeros.
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 256 << 20);
        await Witness.IsServedAsync(controller);
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

    private static byte[] Gzip(int zeros)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
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
    private static async Task<string> CallAsync(RunningController controller, string method, byte[] body, string? encoding = null)
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
        return response.Headers.TryGetValues("grpc-status", out var early) ? early.Single() : response.TrailingHeaders.GetValues("grpc-status").Single();
    }
}

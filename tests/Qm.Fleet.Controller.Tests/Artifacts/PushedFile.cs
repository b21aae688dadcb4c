using System.Security.Cryptography;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace Qm.Fleet.Controller.Tests.Artifacts;

/// <summary>A file that a test pushes, truthfully or not.</summary>
internal sealed class PushedFile
{
    private const int PieceBytes = 64 * 1024;

    public PushedFile(int bytes, int seed = 1)
    {
        Content = new byte[bytes];
        new Random(seed).NextBytes(Content);
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(Content));
    }

    public byte[] Content { get; }

    public string Sha256 { get; }

    public V1.PushArtifactHeader Header(long offset = 0) => new() { Sha256 = Sha256, Name = "qm-1.4.0.tar.zst", SizeBytes = Content.Length, OffsetBytes = offset };

    /// <summary>Pushes all of it.</summary>
    public Task<V1.Artifact> PushAsync(ChannelBase channel) => PushAsync(channel, Header(), Content);

    /// <summary>Pushes these bytes under that header, and ends.</summary>
    public static async Task<V1.Artifact> PushAsync(ChannelBase channel, V1.PushArtifactHeader? header, ReadOnlyMemory<byte> content)
    {
        var ct = TestContext.Current.CancellationToken;
        using var call = new V1.ArtifactService.ArtifactServiceClient(channel).Push(cancellationToken: ct);
        try
        {
            if (header is not null)
            {
                await call.RequestStream.WriteAsync(new() { Header = header }, ct);
            }

            for (var at = 0; at < content.Length; at += PieceBytes)
            {
                await call.RequestStream.WriteAsync(new() { Data = ByteString.CopyFrom(content.Slice(at, Math.Min(PieceBytes, content.Length - at)).Span) }, ct);
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (RpcException)
        {
            // The server has ended the call already; why is in its answer.
        }

        return await call.ResponseAsync;
    }

    /// <summary>Pushes and is refused.</summary>
    /// <returns>The status code, the reason and the sentence.</returns>
    public static async Task<(StatusCode Code, string Reason, string Message)> RefusalAsync(ChannelBase channel, V1.PushArtifactHeader? header, ReadOnlyMemory<byte> content)
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => PushAsync(channel, header, content));
        return (error.StatusCode, error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason ?? "", error.Status.Detail);
    }
}

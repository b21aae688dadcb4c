using System.Security.Cryptography;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>One push of an archive, taken up again when the controller goes away meanwhile.</summary>
/// <param name="connection">To the controller.</param>
/// <param name="context">Where progress is shown.</param>
/// <param name="path">The file.</param>
/// <param name="name">What to call it.</param>
internal sealed class ArtifactPush(FleetConnection connection, CliContext context, string path, string name)
{
    private const int PieceBytes = 256 * 1024;

    // A controller that restarts is back well before.
    private const int MaxAttempts = 30;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private bool _hasBegun;

    /// <summary>Pushes.</summary>
    /// <returns>The archive as the controller has it.</returns>
    /// <exception cref="CliException">The file cannot be read.</exception>
    /// <exception cref="RpcException">The controller refused, or did not come back.</exception>
    public async Task<Artifact> RunAsync(CancellationToken ct)
    {
        try
        {
            await using var file = new FileStream(path, new FileStreamOptions { BufferSize = 0, Options = FileOptions.Asynchronous | FileOptions.SequentialScan });
            var sha256 = await DigestAsync(file, ct);
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    return await PushAsync(file, sha256, ct);
                }
                catch (RpcException e) when (attempt < MaxAttempts && !ct.IsCancellationRequested && CanGoOn(e))
                {
                    await context.Error.WriteLineAsync($"{name}: the push was cut off; going on in a moment");
                    await Task.Delay(Pause, context.Time, ct);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Invalid, $"{path}: {e.Message}");
        }
    }

    // A server that is not there from the start is an error, not an interruption; and it may learn later than we do that we were cut off.
    private bool CanGoOn(RpcException error) =>
        _hasBegun && (RpcErrors.IsLost(error) || error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason is "STOPPING" or "INCOMPLETE" or "OTHER_OFFSET" or "BUSY");

    private static async Task<string> DigestAsync(FileStream file, CancellationToken ct)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[PieceBytes];
        while (await file.ReadAsync(buffer, ct) is > 0 and var count)
        {
            digest.AppendData(buffer, 0, count);
        }

        return Convert.ToHexStringLower(digest.GetHashAndReset());
    }

    private async Task<Artifact> PushAsync(FileStream file, string sha256, CancellationToken ct)
    {
        var there = await connection.Artifacts.GetUploadAsync(new() { Sha256 = sha256 }, cancellationToken: ct);
        if (there.Artifact is { } known)
        {
            await context.Error.WriteLineAsync($"{name}: the controller has it already, as {known.Name}");
            return known;
        }

        using var call = connection.Artifacts.Push(cancellationToken: ct);
        var progress = new Progress(context, name, file.Length);
        try
        {
            await call.RequestStream.WriteAsync(new() { Header = new() { Sha256 = sha256, Name = name, SizeBytes = file.Length, OffsetBytes = there.HaveBytes } }, ct);
            _hasBegun = true;
            await SendAsync(file, there.HaveBytes, call.RequestStream, progress, ct);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // The controller has ended the call; why is in its answer.
        }
        finally
        {
            await progress.EndAsync();
        }

        return await call.ResponseAsync;
    }

    private static async Task SendAsync(FileStream file, long from, IClientStreamWriter<PushArtifactRequest> pieces, Progress progress, CancellationToken ct)
    {
        file.Position = from;
        var buffer = new byte[PieceBytes];
        while (await file.ReadAsync(buffer, ct) is > 0 and var count)
        {
            await pieces.WriteAsync(new() { Data = ByteString.CopyFrom(buffer, 0, count) }, ct);
            await progress.ShowAsync(file.Position);
        }

        await pieces.CompleteAsync();
    }
}

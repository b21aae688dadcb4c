using System.Runtime.CompilerServices;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>A watch that goes on where it was when it breaks.</summary>
/// <param name="context">Where it is told that the server went away, and the time.</param>
/// <param name="open">Opens a stream after a resume token; empty for a snapshot first.</param>
internal sealed class Watching(CliContext context, Func<string, CancellationToken, IAsyncEnumerable<ResourceChange>> open)
{
    // A controller that restarts is back well before.
    private const int MaxAttempts = 30;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Makes the changes of one stream of the server.</summary>
    internal static async IAsyncEnumerable<ResourceChange> ReadAsync<T>(AsyncServerStreamingCall<T> call, Func<T, ResourceChange> change, [EnumeratorCancellation] CancellationToken ct)
    {
        using (call)
        {
            await foreach (var message in call.ResponseStream.ReadAllAsync(ct))
            {
                yield return change(message);
            }
        }
    }

    /// <summary>What happens, until the caller ends it.</summary>
    /// <param name="resumeToken">Where to begin; empty for a snapshot first.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="RpcException">The server was not there from the start, or refused.</exception>
    /// <exception cref="CliException">The server did not come back.</exception>
    internal async IAsyncEnumerable<ResourceChange> RunAsync(string resumeToken, [EnumeratorCancellation] CancellationToken ct)
    {
        var (token, attempts, hasBegun) = (resumeToken, 0, false);
        while (true)
        {
            await using var changes = open(token, ct).GetAsyncEnumerator(ct);
            while (true)
            {
                try
                {
                    if (!await changes.MoveNextAsync())
                    {
                        break;
                    }
                }
                catch (RpcException e) when (hasBegun && !ct.IsCancellationRequested && RpcErrors.CanBeTakenUpAgain(e))
                {
                    token = TokenOf(e) ?? token;
                    break;
                }
                catch (RpcException e) when (hasBegun && e.StatusCode == StatusCode.OutOfRange && token.Length > 0)
                {
                    // What happened meanwhile is not kept any more; everything is told as it is now.
                    token = "";
                    break;
                }

                (token, attempts, hasBegun) = (changes.Current.ResumeToken, 0, true);
                yield return changes.Current;
            }

            if (++attempts > MaxAttempts)
            {
                throw new CliException(ExitCode.Unreachable, "the server did not come back; watch again when it has");
            }

            if (attempts == 1)
            {
                await context.Error.WriteLineAsync("the server went away; going on when it is back");
            }

            await Task.Delay(Pause, context.Time, ct);
        }
    }

    // A reader that was too slow is told where it stood.
    private static string? TokenOf(RpcException error) =>
        error.GetRpcStatus()?.GetDetail<ErrorInfo>() is { } info && info.Metadata.TryGetValue("resume_token", out var token) ? token : null;
}

using System.Globalization;
using System.Net.Mime;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Artifacts;

/// <summary>Gives archives to the nodes whose revisions need them: GET by range, few at a time, and none to a node that does not take what it asked for.</summary>
/// <remarks>
/// A node has one fetch: a newer one ends the older, whose connection may have died without a word. Whoever finds no place is asked to come again, a
/// little later than the one before, so that a fleet does not come back as one.
/// </remarks>
internal sealed partial class ArtifactDownloads(
    ArtifactFolder folder, ArtifactStore store, ArtifactLimits limits, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<ArtifactDownloads> logger)
{
    /// <summary>The path, below the address of the gateway.</summary>
    public const string Route = "/artifacts/{sha256}";

    private const int RetryAfterMin = 5;
    private const int RetryAfterMax = 15;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, CancellationTokenSource> _running = new(StringComparer.Ordinal);
    private int _refused;

    /// <summary>Answers for one request of a node.</summary>
    public async Task ServeAsync(HttpContext context)
    {
        var sha256 = (string)context.Request.RouteValues["sha256"]!;
        var node = context.Features.GetRequiredFeature<CallerIdentity>().Name;
        if (!RootfsSlot.IsDigest(sha256) || !store.Has(sha256))
        {
            await RefuseAsync(context, StatusCodes.Status404NotFound, "There is no such archive here.").ConfigureAwait(false);
            return;
        }

        // A node's key is worth what the node is to run, and not what every fleet runs.
        if (!store.IsNeededBy(node, sha256))
        {
            Log.NotNeeded(logger, node, sha256);
            await RefuseAsync(context, StatusCodes.Status403Forbidden, $"Neither the revision that {node} shall have nor the one it comes from needs this archive.").ConfigureAwait(false);
            return;
        }

        using var turn = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        if (!TryBegin(node, turn, out var comeAgain))
        {
            context.Response.Headers.RetryAfter = comeAgain.ToString(CultureInfo.InvariantCulture);
            await RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, $"{limits.Fetches} nodes fetch already.").ConfigureAwait(false);
            return;
        }
        try
        {
            await SendAsync(context, sha256, turn.Token).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Log.TooSlow(logger, node, sha256, limits.FetchBytes, limits.FetchStall.TotalSeconds);
            context.Abort();
        }
        catch (OperationCanceledException) when (turn.IsCancellationRequested)
        {
            context.Abort();
        }
        catch (IOException e)
        {
            Log.Failed(logger, node, sha256, e.Message);
            context.Abort();
        }
        finally
        {
            End(node, turn);
        }
    }

    private async Task SendAsync(HttpContext context, string sha256, CancellationToken ct)
    {
        await using var file = folder.Read(sha256);
        var response = context.Response;
        response.Headers.AcceptRanges = "bytes";
        var from = From(context.Request.GetTypedHeaders().Range);
        if (from >= file.Length)
        {
            response.StatusCode = StatusCodes.Status416RangeNotSatisfiable;
            response.GetTypedHeaders().ContentRange = new(file.Length);
            return;
        }
        if (from > 0)
        {
            response.StatusCode = StatusCodes.Status206PartialContent;
            response.GetTypedHeaders().ContentRange = new(from, file.Length - 1, file.Length);
        }
        response.ContentType = MediaTypeNames.Application.Octet;
        response.ContentLength = file.Length - from;
        file.Position = from;
        var buffer = new byte[limits.FetchBytes];
        while (await file.ReadAsync(buffer, ct).ConfigureAwait(false) is > 0 and var count)
        {
            await response.Body.WriteAsync(buffer.AsMemory(0, count), ct).AsTask().WaitAsync(limits.FetchStall, time, ct).ConfigureAwait(false);
        }
    }

    // One range to the end is what a download that goes on asks for; RFC 9110 lets any other be answered with everything.
    private static long From(RangeHeaderValue? range) =>
        range is { Unit.Value: "bytes", Ranges: { Count: 1 } ranges } && ranges.First() is { From: { } from, To: null } ? from : 0;

    private bool TryBegin(string node, CancellationTokenSource turn, out int comeAgain)
    {
        lock (_gate)
        {
            comeAgain = 0;
            if (_running.TryGetValue(node, out var before))
            {
                // Not here and now: what ends with it comes back for this lock.
                _ = before.CancelAsync();
            }
            else if (_running.Count >= limits.Fetches)
            {
                comeAgain = RetryAfterMin + (_refused++ % (RetryAfterMax - RetryAfterMin));
                return false;
            }
            _running[node] = turn;
            return true;
        }
    }

    private void End(string node, CancellationTokenSource turn)
    {
        lock (_gate)
        {
            if (_running.GetValueOrDefault(node) == turn)
            {
                _running.Remove(node);
            }
        }
    }

    private static Task RefuseAsync(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = MediaTypeNames.Text.Plain;
        return context.Response.WriteAsync(message + "\n", context.RequestAborted);
    }

    private static partial class Log
    {
        [LoggerMessage(1400, LogLevel.Warning, "Cut off {Node}, which did not take {Bytes} bytes of {Sha256} within {Seconds} s", EventName = nameof(TooSlow))]
        public static partial void TooSlow(ILogger logger, string node, string sha256, int bytes, double seconds);

        [LoggerMessage(1401, LogLevel.Warning, "{Node} did not get {Sha256}: {Reason}", EventName = nameof(Failed))]
        public static partial void Failed(ILogger logger, string node, string sha256, string reason);

        [LoggerMessage(1402, LogLevel.Warning, "{Node} did not get {Sha256}, which none of its revisions needs", EventName = nameof(NotNeeded))]
        public static partial void NotNeeded(ILogger logger, string node, string sha256);
    }
}

using System.Net;
using System.Net.Http.Headers;
using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>Brings an archive into a file, going on where an earlier attempt was cut off.</summary>
/// <remarks>
/// Redirects are followed within one origin (scheme, host and port) only: the manifest names who a node talks to. What is there is no use
/// to judge from what the server says; the digest decides.
/// </remarks>
/// <param name="root">The node, whose files <c>file:</c> means.</param>
/// <param name="options">Whom to trust.</param>
/// <param name="part">The file, appended to.</param>
/// <param name="limits">Sizes and deadlines.</param>
/// <param name="freeBytes">What is free where the file lies.</param>
/// <param name="time">Times the deadlines.</param>
internal sealed class ArchiveDownload(NodeRoot root, AgentOptions options, PartFile part, RootfsLimits limits, Func<long> freeBytes, TimeProvider time)
{
    private const int RedirectsMax = 5;
    private const long SpaceCheckBytes = 16L << 20;
    private static readonly TimeSpan PauseMax = TimeSpan.FromMinutes(1);

    /// <summary>Downloads.</summary>
    /// <param name="archive">What, and from where.</param>
    /// <param name="progress">Told bytes done and bytes in all, 0 when unknown.</param>
    /// <param name="cancellationToken">Ends it; what has come stays.</param>
    /// <exception cref="CommandRefusedException">ArchiveUnavailable or CertificateRefused, where trying again may help, NoSpace or ArchiveRefused.</exception>
    /// <exception cref="NodeFileException">The disk refused.</exception>
    public async Task RunAsync(RootfsArchive archive, Action<long, long> progress, CancellationToken cancellationToken)
    {
        var url = ArchiveServer.AddressOf(archive, options);
        using var deadline = new CancellationTokenSource(limits.Download, time);
        await using var stall = new StallGuard(limits.Stall, time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stall.Token, cancellationToken);
        try
        {
            if (url.IsFile)
            {
                await CopyFileAsync(url, stall, progress, any.Token).ConfigureAwait(false);
            }
            else
            {
                using var server = ArchiveServer.Of(archive, root, options, time);
                await GetAsync(server, stall, progress, any.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Unavailable(url, stall.HasFired && !deadline.IsCancellationRequested
                ? $"the server sent nothing for {limits.Stall.TotalSeconds:0.#} s"
                : $"it did not end within {limits.Download.TotalMinutes:0.#} min");
        }
        catch (HttpRequestException e)
        {
            throw Unavailable(url, e.InnerException?.Message ?? e.Message);
        }
        catch (HttpIOException e)
        {
            throw Unavailable(url, e.Message);
        }
        catch (IOException e) when (e is not NodeFileException)
        {
            throw Unavailable(url, e.Message);
        }
    }

    private async Task CopyFileAsync(Uri url, StallGuard stall, Action<long, long> progress, CancellationToken cancellationToken)
    {
        part.Restart();
        var path = Uri.UnescapeDataString(url.AbsolutePath);
        SafeFileHandle handle;
        try
        {
            using var directory = root.OpenDirectory("/");
            handle = root.Calls.Open(directory, path.TrimStart('/'), OpenKind.Read);
        }
        catch (NodeFileException e)
        {
            throw Unavailable(url, $"the agent {e.Message}");
        }

        using (handle)
        {
            if (!TreeCalls.Look(handle, path).IsRegular)
            {
                throw Unavailable(url, $"{path} is no regular file");
            }

            await using var file = new FileStream(handle, FileAccess.Read, bufferSize: 0);
            await CopyAsync(file, file.Length, stall, progress, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task GetAsync(ArchiveServer server, StallGuard stall, Action<long, long> progress, CancellationToken cancellationToken)
    {
        var at = server.Url;
        for (var hops = 0; hops <= RedirectsMax; hops++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, at) { Version = server.Client.DefaultRequestVersion, VersionPolicy = server.Client.DefaultVersionPolicy };
            if (part.Length > 0)
            {
                request.Headers.Range = new RangeHeaderValue(part.Length, null);
            }

            using var response = await SendAsync(server, request, cancellationToken).ConfigureAwait(false);
            stall.Restart();
            switch (response.StatusCode)
            {
                case HttpStatusCode.OK:
                case HttpStatusCode.PartialContent when response.Content.Headers.ContentRange?.From == part.Length:
                    if (response.StatusCode == HttpStatusCode.OK)
                    {
                        part.Restart();
                    }

                    var content = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
                    await CopyAsync(content, response.Content.Headers.ContentLength, stall, progress, cancellationToken).ConfigureAwait(false);
                    return;
                case HttpStatusCode.RequestedRangeNotSatisfiable when part.Length > 0 && response.Content.Headers.ContentRange?.Length == part.Length:
                    return;
                case HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable when part.Length > 0:
                    part.Restart();
                    break;
                case HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests when response.Headers.RetryAfter?.Delta is { } pause:
                    await ComeAgainAsync(pause, stall, cancellationToken).ConfigureAwait(false);
                    // As often as the server says so: the deadline of the whole is the bound.
                    hops--;
                    break;
                case HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect:
                    at = Redirected(at, response.Headers.Location);
                    break;
                case HttpStatusCode.NotFound when server.IsController:
                    throw new CommandRefusedException("ArchiveUnavailable", $"The controller has no archive at {Address(at)} any more; push it there with qmfleet artifact push. What has come is kept.");
                case HttpStatusCode.Forbidden when server.IsController:
                    throw new CommandRefusedException("ArchiveUnavailable",
                        $"The controller does not give {Address(at)} to this node, which by now shall have a revision without it; the controller stages what it shall have. What has come is kept.");
                default:
                    throw Unavailable(at, $"the server answered {(int)response.StatusCode} {AllowList.Printable(response.ReasonPhrase ?? "")}".TrimEnd());
            }
        }

        throw Unavailable(server.Url, $"it was redirected more than {RedirectsMax} times");
    }

    private static async Task<HttpResponseMessage> SendAsync(ArchiveServer server, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException) when (server.CertificateProblem.Length > 0)
        {
            throw new CommandRefusedException("CertificateRefused", $"{Address(server.Url)} is not trusted: {server.CertificateProblem}. What has come is kept.");
        }
    }

    private async Task ComeAgainAsync(TimeSpan pause, StallGuard stall, CancellationToken cancellationToken)
    {
        stall.Suspend();
        // At once is no pause: a server that says so would be asked without end.
        var least = pause > limits.ResumePause ? pause : limits.ResumePause;
        await Task.Delay(least < PauseMax ? least : PauseMax, time, cancellationToken).ConfigureAwait(false);
        stall.Restart();
    }

    private static Uri Redirected(Uri from, Uri? location) => location switch
    {
        null => throw Unavailable(from, "the server redirects without saying where"),
        _ when new Uri(from, location) is var to && Origin(to) == Origin(from) => to,
        _ => throw new CommandRefusedException("ArchiveRefused",
            $"{Address(from)} redirects to {AllowList.Printable(new Uri(from, location).GetLeftPart(UriPartial.Authority))}, another server than the fleet names; " +
            "if that is right, name the archive's own address in the fleet."),
    };

    private static string Origin(Uri url) => url.GetLeftPart(UriPartial.Authority);

    private async Task CopyAsync(Stream content, long? length, StallGuard stall, Action<long, long> progress, CancellationToken cancellationToken)
    {
        var total = length is { } stated ? part.Length + stated : 0;
        CheckSize(total);
        CheckSpace(length ?? SpaceCheckBytes);
        var buffer = new byte[128 * 1024];
        var sinceCheck = 0L;
        while (await content.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var count)
        {
            stall.Restart();
            if (length is null && (sinceCheck += count) >= SpaceCheckBytes)
            {
                CheckSpace(SpaceCheckBytes);
                sinceCheck = 0;
            }

            CheckSize(part.Length + count);
            part.Append(buffer.AsSpan(0, count));
            progress(part.Length, total);
        }
    }

    private void CheckSize(long bytes)
    {
        if (bytes > limits.ArchiveBytesMax)
        {
            throw new CommandRefusedException("ArchiveRefused", $"The archive has more than the {limits.ArchiveBytesMax} bytes an archive may have; make it smaller.");
        }
    }

    private void CheckSpace(long bytes)
    {
        if (freeBytes() - limits.ReserveBytes is var free && bytes > free)
        {
            throw SlotBuilder.NoSpace("The archive", bytes, free, limits.ReserveBytes);
        }
    }

    private static CommandRefusedException Unavailable(Uri url, string why) => new("ArchiveUnavailable",
        $"{Address(url)} could not be downloaded: {why.TrimEnd('.')}; see whether the server is up and the node reaches it. What has come is kept.");

    // The query may hold a signature that lets whoever has it fetch the archive.
    private static string Address(Uri url) => url.GetLeftPart(UriPartial.Path);
}

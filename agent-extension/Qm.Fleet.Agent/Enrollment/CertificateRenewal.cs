using System.Security.Cryptography;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Core.Enrollment;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Enrollment;

/// <summary>Renews the certificate of one node, over the link that is made with it: when its time has come, and when the controller asks or trusts others than the node does.</summary>
internal sealed partial class CertificateRenewal
{
    /// <summary>Between two renewals that were asked for, whoever asks.</summary>
    public static readonly TimeSpan Rest = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestAsked = TimeSpan.FromHours(1);
    private static readonly TimeSpan Spread = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly IdentityFiles _files;
    private readonly TimeProvider _time;
    private readonly Func<double> _jitter;
    private readonly ILogger _logger;
    private DateTimeOffset _restedAt = DateTimeOffset.MinValue;

    /// <param name="files">Where the identity lies.</param>
    /// <param name="time">Times every pause and deadline.</param>
    /// <param name="jitter">Random numbers from 0 to 1, so that a fleet does not come as one.</param>
    /// <param name="logger">Where to log.</param>
    public CertificateRenewal(IdentityFiles files, TimeProvider time, Func<double> jitter, ILogger<CertificateRenewal> logger) =>
        (_files, _time, _jitter, _logger) = (files, time, jitter, logger);

    /// <summary>Begins to look after the certificate of one session.</summary>
    /// <param name="identity">The one that its connection was made with.</param>
    public Session Begin(NodeIdentity identity) => new(this, identity);

    /// <summary>One connection's certificate.</summary>
    internal sealed class Session(CertificateRenewal renewal, NodeIdentity identity)
    {
        private readonly Lock _lock = new();
        private TaskCompletionSource _news = New();
        private DateTimeOffset _asked = DateTimeOffset.MaxValue;

        /// <summary>Takes what a welcome says.</summary>
        public void Heed(Welcome welcome)
        {
            if (welcome.RenewalRequest is { } request)
            {
                Heed(request);
            }
            else if (welcome.AuthoritiesSha256.Length > 0 && welcome.AuthoritiesSha256 != identity.AuthoritiesDigest)
            {
                Heed(new RenewalRequest { WithinMs = (int)Spread.TotalMilliseconds });
            }
        }

        /// <summary>Takes a request for a renewal. The controller says within what time, and chance when.</summary>
        public void Heed(RenewalRequest request)
        {
            var within = TimeSpan.FromMilliseconds(Math.Clamp(request.WithinMs, 0, LongestAsked.TotalMilliseconds)) * renewal._jitter();
            lock (_lock)
            {
                var soon = renewal._time.GetUtcNow() + within;
                _asked = Earlier(_asked, soon > renewal._restedAt ? soon : renewal._restedAt);
                _news.TrySetResult();
            }
        }

        /// <summary>Returns when the certificate was renewed, and the new one is in place.</summary>
        public async Task RenewedAsync(EnrollmentService.EnrollmentServiceClient client, CancellationToken cancellationToken)
        {
            var certificate = identity.Certificate;
            var (begin, end) = (new DateTimeOffset(certificate.NotBefore).ToUniversalTime(), new DateTimeOffset(certificate.NotAfter).ToUniversalTime());
            var due = RenewalTime.Of(begin, end, renewal._jitter());
            while (true)
            {
                await UntilAsync(due, cancellationToken).ConfigureAwait(false);
                if (await renewal.TryAsync(client, identity, cancellationToken).ConfigureAwait(false))
                {
                    return;
                }

                // Ten times in what is left of it, whether that is a minute or a quarter of a year.
                var now = renewal._time.GetUtcNow();
                var pause = (end - now) / 10;
                pause = pause < ShortestPause ? ShortestPause : pause > LongestPause ? LongestPause : pause;
                (due, _asked) = (now + (pause * ((1 + renewal._jitter()) / 2)), DateTimeOffset.MaxValue);
            }
        }

        // By the clock, again and again: it may be set, and no timer is as long as a certificate's life.
        private async Task UntilAsync(DateTimeOffset due, CancellationToken cancellationToken)
        {
            while (true)
            {
                Task news;
                TimeSpan left;
                lock (_lock)
                {
                    left = Earlier(due, _asked) - renewal._time.GetUtcNow();
                    _news = _news.Task.IsCompleted ? New() : _news;
                    news = _news.Task;
                }

                if (left <= TimeSpan.Zero)
                {
                    return;
                }

                using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                await Task.WhenAny(Task.Delay(left < LongestPause ? left : LongestPause, renewal._time, stop.Token), news).ConfigureAwait(false);
                await stop.CancelAsync().ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

        private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private async Task<bool> TryAsync(EnrollmentService.EnrollmentServiceClient client, NodeIdentity identity, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(Deadline, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            using var key = _files.OpenPendingKey();
            var issued = await client.RenewCertificateAsync(new() { Csr = CertificateOrder.Make(identity.Node, key) }, cancellationToken: either.Token).ConfigureAwait(false);
            _files.Install(identity.Node, key, issued.Certificate, issued.Authorities);
            _restedAt = _time.GetUtcNow() + Rest;
            Log.Renewed(_logger, identity.Node, CertificateOrder.Fingerprint(key));
            return true;
        }
        catch (Exception e) when (e is RpcException or NodeIdentityException or NodeFileException or CryptographicException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Log.NotRenewed(_logger, identity.Node, identity.Certificate.NotAfter.ToUniversalTime(), GatewayLink.Explain(e, isStopping: false) ?? e.Message);
            return false;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1188, LogLevel.Information, "The certificate of {Node} was renewed with the key {Fingerprint}", EventName = "CertificateRenewed")]
        public static partial void Renewed(ILogger logger, string node, string fingerprint);

        [LoggerMessage(1189, LogLevel.Warning, "The certificate of {Node}, which ends {End:u}, was not renewed: {Reason}; trying again", EventName = "CertificateNotRenewed")]
        public static partial void NotRenewed(ILogger logger, string node, DateTime end, string reason);
    }
}

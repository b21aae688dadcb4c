using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Certificates;

namespace Qm.Fleet.Controller.Security;

/// <summary>Renews in time what the controller shows, tells once of what nears its end, ends what has ended, and retires an authority that nobody needs any more.</summary>
internal sealed partial class PkiKeeper(
    Pki pki, CertificateDesk desk, CertificateStore store, JoinTokenStore joinTokens, CertifiedConnections open, IOptions<ControllerOptions> options, TimeProvider time, ILogger<PkiKeeper> logger) : BackgroundService
{
    private const int LooksInALife = 60;
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMinutes(1);

    private readonly Signal _signal = new();
    private readonly KeyedTurns _turns = new();
    private HashSet<(string Serial, CertificateConcern Concern)>? _told;

    /// <summary>Between two looks: the sixtieth part of a certificate's life, 200 ms to 1 h.</summary>
    private TimeSpan Pause => TimeSpan.FromTicks(Math.Clamp((options.Value.CertificateLife / LooksInALife).Ticks, ShortestPause.Ticks, LongestPause.Ticks));

    /// <summary>Has it look now.</summary>
    public void Wake() => _signal.Raise();

    /// <summary>Looks once, and does what is due.</summary>
    internal async Task LookAsync(CancellationToken ct)
    {
        using var turn = await _turns.TakeAsync(nameof(LookAsync), ct).ConfigureAwait(false);
        await RenewAsync(ct).ConfigureAwait(false);
        await RetireAsync(ct).ConfigureAwait(false);
        await NoteStepAsync(ct).ConfigureAwait(false);
        open.Check();
        desk.Forget();
        await NoteAsync(ct).ConfigureAwait(false);
    }

    /// <summary>Tells of the step that the authorities are at, where a process ended before it was told.</summary>
    internal Task NoteStepAsync(CancellationToken ct)
    {
        var step = pki.Authorities.Step;
        return store.NoteStepAsync(step.Number, () => Draft(step), ct);
    }

    /// <summary>The event of a step.</summary>
    internal static EventDraft Draft(AuthorityStep step) => new(step.Retiring is null ? "AuthorityRetired" : "AuthorityRotating", EventSeverity.Warning, step.Actor, "", "", "", step.Message)
    {
        After = AuditText.Of(AuditText.Fields(("issuing", step.Issuing), ("retiring", step.Retiring ?? ""))),
    };

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var pause = Pause;
            try
            {
                await LookAsync(stoppingToken).ConfigureAwait(false);
            }
            catch (Exception e) when (stoppingToken.IsCancellationRequested && e is OperationCanceledException or ObjectDisposedException)
            {
                // The host stops, and what it was made of goes away.
                return;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or StoreException)
            {
                // What the server shows holds for a third of its life yet.
                Log.NotKept(logger, e);
                pause = pause < AfterFailure ? pause : AfterFailure;
            }
            await _signal.WaitAsync(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RenewAsync(CancellationToken ct)
    {
        if (pki.RenewServer())
        {
            await TellAsync(new("CertificateRenewed", EventSeverity.Info, EventDraft.Controller, "", "", "", $"The server's certificate was renewed; it holds until {Text(pki.Presented.Life().Ends)}."), ct).ConfigureAwait(false);
        }
        if (pki.EnsureAdmin())
        {
            await TellAsync(new("CertificateRenewed", EventSeverity.Info, EventDraft.Controller, "", "", "", "The local administrator's certificate was renewed."), ct).ConfigureAwait(false);
        }
    }

    private async Task RetireAsync(CancellationToken ct)
    {
        var authorities = pki.Authorities;
        if (authorities.Retiring is not { } retiring)
        {
            return;
        }
        var now = time.GetUtcNow();
        var (hasEnded, isOver) = (retiring.Life.Ends <= now, now - authorities.Step.Since >= options.Value.AuthorityOverlap);
        if (hasEnded || (isOver && desk.UsersOf(retiring).Count == 0 && joinTokens.LostWithout(CertificateRequests.Fingerprint(authorities.Issuing.Certificate.PublicKey), now).Count == 0))
        {
            pki.FinishRotation(EventDraft.Controller, hasEnded ? "it has ended" : "nobody has a certificate of it any more, nor a join token that names it alone");
            await NoteStepAsync(ct).ConfigureAwait(false);
        }
    }

    private async Task NoteAsync(CancellationToken ct)
    {
        _told ??= [.. store.Notices()];
        var now = time.GetUtcNow();
        var notices = desk.All().Select(known => (Known: known, Concern: known.Life.ConcernAt(now, known.RenewsItself)))
            .Where(found => found.Concern != CertificateConcern.None && !_told.Contains((found.Known.Serial, found.Concern)))
            .Select(found => new CertificateNotice(found.Known.Serial, found.Concern, found.Known.Life.Ends, Draft(found.Known, found.Concern))).ToList();
        var seen = desk.TakeUnstored();
        if (notices.Count + seen.Count == 0)
        {
            return;
        }
        try
        {
            await store.NoteAsync(seen, notices, ct).ConfigureAwait(false);
        }
        catch
        {
            desk.StoreLater(seen);
            throw;
        }
        _told.UnionWith(notices.Select(static notice => (notice.Serial, notice.Concern)));
    }

    private static EventDraft Draft(KnownCertificate known, CertificateConcern concern)
    {
        var (whose, advice) = known.Kind switch
        {
            CertificateKind.Authority => ($"certificate authority {known.Name[..16]}", "Exchange it: qmfleet pki rotate ca."),
            CertificateKind.Server => ("the server", "The controller could not renew it; its journal says why."),
            CertificateKind.Admin => ("the local administrator", "The controller could not renew it; its journal says why."),
            CertificateKind.Node => (known.Name, "Its agent extension has not renewed it; look at qm-fleet-agent.service on the node."),
            _ => (known.Name, "Make another: qmfleet pki issue."),
        };
        var node = known.Kind == CertificateKind.Node ? known.Name[(known.Name.IndexOf(':', StringComparison.Ordinal) + 1)..] : "";
        return new(
            "CertificateExpiring", concern == CertificateConcern.Critical ? EventSeverity.Critical : EventSeverity.Warning, EventDraft.Controller, "", node, "",
            $"The certificate of {whose} ends at {Text(known.Life.Ends)}. {advice}");
    }

    private Task TellAsync(EventDraft draft, CancellationToken ct) => store.AppendAsync(draft, ct);

    private static string Text(DateTimeOffset at) => at.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static partial class Log
    {
        [LoggerMessage(1231, LogLevel.Error, "Certificates could not be looked after; it is tried again", EventName = nameof(NotKept))]
        public static partial void NotKept(ILogger logger, Exception failure);
    }
}

using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Enrollment;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Controller.Security;

/// <summary>Who asks to join.</summary>
/// <param name="Node">The name asked for; one that a node can have.</param>
/// <param name="Key">The key, which has signed the request.</param>
/// <param name="Token">The join token as it was sent; empty for none.</param>
/// <param name="Address">Where the request comes from; null for a socket of this host.</param>
/// <param name="By">As the audit trail names it.</param>
internal sealed record EnrollmentAsk(string Node, PublicKey Key, Secret Token, IPAddress? Address, Origin By)
{
    /// <summary>What the key is known by.</summary>
    public string Fingerprint { get; } = CertificateRequests.Fingerprint(Key);
}

/// <summary>The shell around <see cref="EnrollmentPolicy"/>: reads what it decides from, and makes what it decided so, in one transaction with what was issued and what that used up.</summary>
internal sealed partial class EnrollmentDesk(
    Database database, INodeCertificates certificates, INodeStanding standing, IPeerAddresses peers, RefusalTrail trail, IOptions<ControllerOptions> options, TimeProvider time,
    ILogger<EnrollmentDesk> logger)
{
    private const string Method = "/qm.fleet.v1.EnrollmentService/RequestEnrollment";

    /// <summary>Decides about a request, and issues what it decided to.</summary>
    /// <returns>The decision, and the certificate where there is one.</returns>
    /// <exception cref="StoreException">It could not be stored; nothing was issued.</exception>
    public async Task<(EnrollmentDecision Decision, string Certificate)> AskAsync(EnrollmentAsk ask, CancellationToken ct)
    {
        // Most who ask are told what they were told before, and that takes no write.
        var (decision, certificate) = database.Read(db => Decide(db, ask, null, time.GetUtcNow()));
        var peer = decision is EnrollmentDecision.Wait or EnrollmentDecision.TurnAway && options.Value.AutoApprove == AutoApproval.BlueChiPeerMatch
            ? await peers.OfAsync(ask.Node, ask.Address, ct).ConfigureAwait(false) : null;
        if (peer is not null)
        {
            (decision, certificate) = database.Read(db => Decide(db, ask, peer, time.GetUtcNow()));
        }
        if (decision is EnrollmentDecision.Issue or EnrollmentDecision.Wait { IsNew: true })
        {
            (decision, certificate) = await database.WriteAsync(tx => Carry(tx, ask, peer), commit: true, ct, ask.By).ConfigureAwait(false);
        }
        await TellAsync(ask, decision).ConfigureAwait(false);
        await CertificateStart.HoldsAsync(certificate, time, ct).ConfigureAwait(false);
        return (decision, certificate);
    }

    /// <summary>Issues the next certificate of a node.</summary>
    /// <param name="node">Whose.</param>
    /// <param name="certificate">The certificate that it showed.</param>
    /// <param name="key">The key of the next one.</param>
    /// <param name="by">Who asks.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    /// <returns>The certificate, or why there is none.</returns>
    public async Task<(string Certificate, EnrollmentDecision.Refuse? Refusal)> RenewAsync(
        string node, X509Certificate2 certificate, PublicKey key, Origin by, CancellationToken ct)
    {
        var shown = CertificateRequests.Fingerprint(certificate.PublicKey);
        var wanted = CertificateRequests.Fingerprint(key);
        var (issued, refusal) = await database.WriteAsync(
            tx =>
            {
                var known = EnrollmentStore.Key(tx, node);
                var isRetired = standing.IsRetired(node) || !standing.MayRenew(node, certificate);
                if (EnrollmentPolicy.MayRenew(node, isRetired, shown, known?.Fingerprint, known?.Before ?? "") is { } refused)
                {
                    return ("", (EnrollmentDecision.Refuse?)refused);
                }
                // One that was made, and never came to where it was asked for.
                if (known?.Fingerprint == wanted && shown != wanted && IsFresh(known.Certificate, tx.Now))
                {
                    return (known.Certificate, null);
                }
                var (made, end) = Sign(node, key);
                EnrollmentStore.Save(tx, new(node, wanted, shown, made, tx.Now, end, known?.LetInBy ?? "certificate"));
                tx.Append(new EventDraft("CertificateRenewed", EventSeverity.Info, by.Actor, "", node, "", $"The certificate of {node} is good until {end:u}, with the key {wanted}."));
                return (made, null);
            },
            commit: true, ct, by).ConfigureAwait(false);
        if (refusal is not null)
        {
            await RaiseAsync(node, by.Actor, refusal).ConfigureAwait(false);
        }
        await CertificateStart.HoldsAsync(issued, time, ct).ConfigureAwait(false);
        return (issued, refusal);
    }

    private (EnrollmentDecision Decision, string Certificate) Decide(ReadSnapshot db, EnrollmentAsk ask, PeerReading? peer, DateTimeOffset now)
    {
        var known = EnrollmentStore.Key(db, ask.Node);
        var waiting = EnrollmentStore.Waiting(db, ask.Node, now).FirstOrDefault(waiting => waiting.Fingerprint == ask.Fingerprint);
        var decision = EnrollmentPolicy.Decide(new(
            ask.Node, ask.Fingerprint, standing.IsRetired(ask.Node) || (known?.Fingerprint == ask.Fingerprint && known.ExpiresAt > now && IsRevoked(known)),
            known is null ? null : new(known.Fingerprint, known.ExpiresAt > now, standing.MayEnrollAgain(ask.Node)),
            waiting?.State,
            ask.Token.IsEmpty ? null : JoinTokens.Check(db, ask.Token, ask.Node, now),
            peer,
            EnrollmentStore.Room(db, ask.Node, Text(ask.Address), now)));
        return (decision is EnrollmentDecision.Issue { By.Length: 0 } ? new EnrollmentDecision.Issue(waiting!.DecidedBy) : decision, decision is EnrollmentDecision.Repeat ? known!.Certificate : "");
    }

    // Decided once more, with what is so now: a token that was used up meanwhile lets nobody in.
    private (EnrollmentDecision Decision, string Certificate) Carry(WriteTransaction tx, EnrollmentAsk ask, PeerReading? peer)
    {
        var (decision, certificate) = Decide(tx, ask, peer, tx.Now);
        switch (decision)
        {
            case EnrollmentDecision.Issue issue:
                (certificate, var end) = Sign(ask.Node, ask.Key);
                EnrollmentStore.Save(tx, new(ask.Node, ask.Fingerprint, "", certificate, tx.Now, end, issue.By));
                standing.Enrolled(tx, ask.Node);
                if (issue.By.StartsWith(JoinTokens.Actor, StringComparison.Ordinal))
                {
                    JoinTokenStore.Use(tx, issue.By[JoinTokens.Actor.Length..]);
                }
                tx.Append(new EventDraft(
                    "NodeEnrolled", EventSeverity.Info, ask.By.Actor, "", ask.Node, "",
                    string.Create(CultureInfo.InvariantCulture, $"{ask.Node} joined with the key {ask.Fingerprint}, let in by {issue.By}; its certificate is good until {end:u}.")));
                break;
            case EnrollmentDecision.Wait { IsNew: true } wait:
                EnrollmentStore.Wait(tx, ask.Node, ask.Fingerprint, Text(ask.Address), ask.By, wait.Message);
                break;
            default:
                break;
        }
        return (decision, certificate);
    }

    private (string Certificate, DateTimeOffset End) Sign(string node, PublicKey key)
    {
        var made = certificates.Sign(node, key);
        using var own = X509Certificate2.CreateFromPem(made);
        return (made, own.NotAfter.ToUniversalTime());
    }

    private bool IsRevoked(StoredKey known)
    {
        using var certificate = X509Certificate2.CreateFromPem(known.Certificate);
        return !standing.MayRenew(known.Node, certificate);
    }

    private bool IsFresh(string certificate, DateTimeOffset now)
    {
        if (certificate.Length == 0)
        {
            return false;
        }
        using var own = X509Certificate2.CreateFromPem(certificate);
        return certificates.IsCurrent(own) && now < RenewalTime.Of(own.NotBefore.ToUniversalTime(), own.NotAfter.ToUniversalTime(), 0);
    }

    private Task TellAsync(EnrollmentAsk ask, EnrollmentDecision decision)
    {
        switch (decision)
        {
            case EnrollmentDecision.Issue issue:
                Log.Enrolled(logger, ask.Node, Text(ask.Address), issue.By);
                return Task.CompletedTask;
            case EnrollmentDecision.Wait { IsNew: true }:
                Log.Waits(logger, ask.Node, Text(ask.Address), ask.Fingerprint);
                return Task.CompletedTask;
            // What a person decided, or sees waiting, is in the log already.
            case EnrollmentDecision.Refuse refuse when refuse.Reason != "Denied":
                return RaiseAsync(ask.Node, ask.By.Actor, refuse);
            case EnrollmentDecision.TurnAway full:
                return RaiseAsync(ask.Node, ask.By.Actor, new("TooManyWait", full.Message));
            default:
                return Task.CompletedTask;
        }
    }

    private async Task RaiseAsync(string node, string actor, EnrollmentDecision.Refuse refuse)
    {
        // Strangers choose how often they ask, and what for.
        if (await trail.NoteAsync($"{Method} {node} {refuse.Reason}", new(
            refuse.IsTakeover ? "EnrollmentTakeover" : "EnrollmentRefused", refuse.IsTakeover ? EventSeverity.Critical : EventSeverity.Warning, actor, "", node, "", refuse.Message)).ConfigureAwait(false))
        {
            Log.Refused(logger, node, actor, refuse.Message);
        }
    }

    private static string Text(IPAddress? address) => address?.ToString() ?? "";

    private static partial class Log
    {
        [LoggerMessage(1224, LogLevel.Information, "{Node} joined from {Address}, let in by {By}", EventName = nameof(Enrolled))]
        public static partial void Enrolled(ILogger logger, string node, string address, string by);

        [LoggerMessage(1221, LogLevel.Warning, "{Node} asks to join from {Address} with the key {Fingerprint}, and waits to be approved", EventName = nameof(Waits))]
        public static partial void Waits(ILogger logger, string node, string address, string fingerprint);

        [LoggerMessage(1222, LogLevel.Warning, "Refused {Node}, asked for by {Actor}: {Reason}", EventName = nameof(Refused))]
        public static partial void Refused(ILogger logger, string node, string actor, string reason);
    }
}

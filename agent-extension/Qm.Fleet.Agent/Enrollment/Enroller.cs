using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Core.Enrollment;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Enrollment;

/// <summary>Has a node that nobody knows join: makes a key, asks for a certificate of it, and asks again until it comes.</summary>
/// <param name="options">Where the controller is, and how it is known.</param>
/// <param name="root">The node.</param>
/// <param name="time">Times every pause and deadline.</param>
/// <param name="jitter">Random numbers from 0 to 1, so that a fleet does not ask as one.</param>
/// <param name="status">Told what it waits for, a sentence.</param>
/// <param name="logger">Where to log.</param>
internal sealed partial class Enroller(AgentOptions options, NodeRoot root, TimeProvider time, Func<double> jitter, Action<string> status, ILogger<Enroller> logger)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestAsked = TimeSpan.FromHours(1);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly IdentityFiles _files = new(root, options.Pki);
    private readonly JoinTokenFile _token = new(root, options.JoinToken);
    private string _told = "";

    /// <summary>Returns when the node has an identity; at once when it has one that is good by its clock.</summary>
    public async Task EnsureAsync(CancellationToken cancellationToken)
    {
        if (_files.HasIdentity)
        {
            await LookAfterAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        var pause = FirstPause;
        while (await TryAsync(null, cancellationToken).ConfigureAwait(false) is { } again)
        {
            // As the controller says; where nobody says anything, later each time.
            var wait = again > TimeSpan.Zero ? again : pause;
            await Task.Delay(wait * ((3 + jitter()) / 4), time, cancellationToken).ConfigureAwait(false);
            pause = again > TimeSpan.Zero ? FirstPause : pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    // A certificate that ended may be had again for the same key; the link is tried all the same, since it may be the clock that is wrong.
    private async Task LookAfterAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var identity = NodeIdentity.Load(root, options.Pki);
            if (time.GetUtcNow() > identity.Certificate.NotAfter.ToUniversalTime())
            {
                await TryAsync(identity, cancellationToken).ConfigureAwait(false);
                return;
            }
        }
        catch (NodeIdentityException)
        {
            // The link says so, and that it cannot be made.
            return;
        }

        Forget();
    }

    /// <summary>Asks once.</summary>
    /// <param name="ended">The identity whose time is over; null when there is none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when the node has an identity now; else when to ask again, zero when nobody said.</returns>
    private async Task<TimeSpan?> TryAsync(NodeIdentity? ended, CancellationToken cancellationToken)
    {
        var node = ended?.Node ?? options.Node ?? AgentConfEvidence.HostNodeName(root, new Findings(root));
        try
        {
            if (node.Length == 0)
            {
                throw new NodeIdentityException("The node's name in BlueChi is not known; say it with Node= in agent.conf.");
            }

            using var key = ended?.Certificate.GetECDsaPrivateKey() ?? _files.OpenPendingKey();
            var answer = await AskAsync(node, key, ended, cancellationToken).ConfigureAwait(false);
            switch (answer.OutcomeCase)
            {
                case RequestEnrollmentResponse.OutcomeOneofCase.Issued:
                    _files.Install(node, key, answer.Issued.Certificate, answer.Issued.Authorities);
                    Log.Joined(logger, node, CertificateOrder.Fingerprint(key));
                    status($"{node} has joined");
                    Forget();
                    return null;
                case RequestEnrollmentResponse.OutcomeOneofCase.Pending:
                    Tell(node, $"{answer.Pending.Message} Its key is {CertificateOrder.Fingerprint(key)}.");
                    return Asked(answer.Pending.RetryAfterMs);
                case RequestEnrollmentResponse.OutcomeOneofCase.Refused:
                    Tell(node, $"{answer.Refused.Message} ({answer.Refused.Reason}) Its key is {CertificateOrder.Fingerprint(key)}.");
                    return Asked(answer.Refused.RetryAfterMs);
                default:
                    throw new NodeIdentityException($"{options.Controller} answered something that this agent does not know; update qm-fleet-agent.");
            }
        }
        catch (Exception e) when (GatewayLink.Explain(e, cancellationToken.IsCancellationRequested) is not null || e is CryptographicException)
        {
            Tell(node, GatewayLink.Explain(e, cancellationToken.IsCancellationRequested) ?? e.Message);
            return TimeSpan.Zero;
        }
    }

    private async Task<RequestEnrollmentResponse> AskAsync(string node, ECDsa key, NodeIdentity? ended, CancellationToken cancellationToken)
    {
        var token = _token.Read();
        using var trust = ended is null ? await TrustAsync(token, cancellationToken).ConfigureAwait(false) : ControllerTrust.In(ended.Authorities);
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            using var channel = ControllerChannel.Open(options.Controller, trust.Tls);
            return await new EnrollmentService.EnrollmentServiceClient(channel).RequestEnrollmentAsync(
                new() { Node = node, Csr = CertificateOrder.Make(node, key), JoinToken = token?.Presented.Reveal() ?? "" }, cancellationToken: either.Token).ConfigureAwait(false);
        }
        catch (RpcException e) when (trust.Problem.Length > 0)
        {
            throw new NodeIdentityException(trust.Problem, e);
        }
    }

    private async Task<ControllerTrust> TrustAsync(JoinTokenText? token, CancellationToken cancellationToken)
    {
        var file = options.Ca ?? $"{options.Pki}/ca.crt";
        return ControllerTrust.Read(root, file) ?? (token is { Authorities.Count: > 0 } ? await ControllerTrust.FindAsync(options.Controller, token.Authorities, time, cancellationToken).ConfigureAwait(false)
            : throw new NodeIdentityException($"Nothing says which controller to trust: bring a join token to {_token.Path}, or the controller's ca.crt to {file}."));
    }

    // What was said is not said again, so that a log is not filled by waiting.
    private void Tell(string node, string reason)
    {
        if (reason != _told)
        {
            _told = reason;
            Log.Waits(logger, node, reason);
            status($"{node} has not joined: {reason}");
        }
    }

    private void Forget()
    {
        _told = "";
        try
        {
            _token.Remove();
        }
        catch (NodeFileException e)
        {
            Log.TokenStays(logger, _token.Path, e.Message);
        }
    }

    private static TimeSpan Asked(int milliseconds) => TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, FirstPause.TotalMilliseconds, LongestAsked.TotalMilliseconds));

    private static partial class Log
    {
        [LoggerMessage(1185, LogLevel.Information, "{Node} has joined with the key {Fingerprint}", EventName = "NodeJoined")]
        public static partial void Joined(ILogger logger, string node, string fingerprint);

        [LoggerMessage(1186, LogLevel.Warning, "{Node} has not joined: {Reason}", EventName = "NodeNotJoined")]
        public static partial void Waits(ILogger logger, string node, string reason);

        [LoggerMessage(1187, LogLevel.Warning, "The join token in {Path} is of no more use, and could not be removed: the agent {Reason}", EventName = "JoinTokenStays")]
        public static partial void TokenStays(ILogger logger, string path, string reason);
    }
}

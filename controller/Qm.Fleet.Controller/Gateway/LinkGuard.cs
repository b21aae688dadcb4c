using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Access;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>
/// Notices that the key of a node is in other hands: from where BlueChi does not have the node, or by two who take each other's place. What such an agent says is
/// believed of its own node only, whoever it is; with <c>--require-peer-match</c> it is not heard at all. And holds each agent to its pace, or cuts it off.
/// </summary>
/// <remarks>Holds an entry for each node that dialled in, so it is bounded by the certificates issued.</remarks>
internal sealed partial class LinkGuard(
    AgentLinks links, PeerAddresses peers, Database database, LimitTrail trail, IOptions<ControllerOptions> options, TimeProvider time, ILogger<LinkGuard> logger) : ILinkGuard
{
    /// <summary>The event of an agent that dials in from elsewhere.</summary>
    public const string Mismatch = "NodePeerMismatch";

    /// <summary>The event of two agents of one node.</summary>
    public const string Contested = "NodeContested";

    /// <summary>The event of an agent that says too much without end.</summary>
    public const string CutOff = "NodeCutOff";

    /// <summary>A message of more than this counts as several.</summary>
    public const int BytesPerTurn = 64 * 1024;

    /// <summary>What an agent may say at once after a rest, in seconds of its pace.</summary>
    public const double BurstSeconds = 1;

    /// <summary>What it may report at once after a rest, in seconds of its pace: what gathered while it was not heard.</summary>
    public const double ReportBurstSeconds = 2;

    /// <summary>Held for less, an agent had much to tell for a moment, and nobody needs to know.</summary>
    public static readonly TimeSpan Momentary = TimeSpan.FromSeconds(5);

    private const int LongestBootId = 64;

    private readonly ConcurrentDictionary<string, LinkContest> _contests = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Node, string Reason), (string What, DateTimeOffset At)> _told = [];
    private readonly ConcurrentDictionary<string, AgentPace> _paces = new(StringComparer.Ordinal);
    private readonly long _start = time.GetTimestamp();

    /// <inheritdoc/>
    public async Task AdmitAsync(V1.Hello hello, IPAddress? peer, CancellationToken ct)
    {
        if (_paces.TryGetValue(hello.Node, out var pace) && pace.RestLeft(time.GetElapsedTime(_start)) is var rest && rest > TimeSpan.Zero)
        {
            throw await CutOffAsync(hello.Node, rest).ConfigureAwait(false);
        }
        await MatchAsync(hello.Node, peer, ct).ConfigureAwait(false);
        var session = new LinkSession(peer?.ToString() ?? "", hello.BootId.Length > LongestBootId ? hello.BootId[..LongestBootId] : hello.BootId);
        var (isContested, replaces) = (false, links.IsConnected(hello.Node));
        _contests.AddOrUpdate(
            hello.Node, _ => LinkContest.None.Open(session, replaces, time.GetUtcNow()).Next,
            (_, contest) =>
            {
                (var next, isContested) = contest.Open(session, replaces, time.GetUtcNow());
                return next;
            });
        if (isContested)
        {
            await TellAsync(
                hello.Node, Contested, "", EventSeverity.Critical,
                $"Two agent extensions take each other's place as {hello.Node}, the last one from {session.Peer}: somebody else has the node's key. Revoke its certificate and give the node another one.").ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async Task PaceAsync(AgentLink link, AgentSaid said, int bytes, CancellationToken ct)
    {
        var (node, limits, size) = (link.Node, options.Value.Limits, bytes / BytesPerTurn);
        var paces = new AgentPaces(Pace.Of(limits.MessagesPerNode, BurstSeconds), Pace.Of(limits.ReportsPerNode, ReportBurstSeconds));
        // One reader at a time: a link that took another's place waits for none of its turns.
        var (next, turn) = _paces.GetValueOrDefault(node, AgentPace.None).Take(paces, said with { Messages = said.Messages + size, Reports = said.Reports == 0 ? 0 : said.Reports + size }, time.GetElapsedTime(_start));
        _paces[node] = next;
        links.Paced(link, turn.Held >= Momentary ? time.GetUtcNow() - turn.Held : null);
        if (turn.Wait <= TimeSpan.Zero)
        {
            return;
        }
        var (limit, most, what) = turn.IsForReports ? (LimitNames.Reports, limits.ReportsPerNode, "reports") : (LimitNames.Messages, limits.MessagesPerNode, "says");
        await trail.NoteAsync(CallerIdentity.Node(node).Actor, limit, $"{node} {what} more than {most} things a second, and is read at that pace.").ConfigureAwait(false);
        if (turn.Rest > TimeSpan.Zero)
        {
            await TellAsync(
                node, CutOff, "", EventSeverity.Warning,
                FormattableString.Invariant($"The agent extension of {node} {what} more than {most} things a second, for {turn.Held.TotalSeconds:0} s now: it is not heard for {turn.Rest.TotalSeconds:0} s. It is not one that QM Fleet has, or it is broken. Look at qm-fleet-agent.service on the node; if nothing is wrong with it, somebody else has the node's key, and the node's own extension is not heard meanwhile either: revoke the certificate.")).ConfigureAwait(false);
            throw await CutOffAsync(node, turn.Rest).ConfigureAwait(false);
        }
        // The reader finds by itself that it is at an end, and why.
        await Task.Delay(turn.Wait, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<RpcException> CutOffAsync(string node, TimeSpan rest)
    {
        await trail.NoteAsync(CallerIdentity.Node(node).Actor, LimitNames.CutOff, $"{node} has said more than it may without end, and is not heard for a while.").ConfigureAwait(false);
        return Failures.Make(
            Code.ResourceExhausted, "SAYS_TOO_MUCH", FormattableString.Invariant($"The agent extension of {node} has said more than it may without end, and is not heard for {rest.TotalSeconds:0} s. Dial in again then."),
            new RetryInfo { RetryDelay = Duration.FromTimeSpan(rest) });
    }

    private async Task MatchAsync(string node, IPAddress? peer, CancellationToken ct)
    {
        var bluechi = await peers.FindAsync(node, isFresh: false, ct).ConfigureAwait(false);
        if (PeerAddress.Judge(peer, bluechi) == PeerMatch.Different)
        {
            // The node may just have got another address.
            bluechi = await peers.FindAsync(node, isFresh: true, ct).ConfigureAwait(false);
        }
        if (PeerAddress.Judge(peer, bluechi) != PeerMatch.Different)
        {
            return;
        }
        var found = $"An agent extension dialled in as {node} from {peer}, and BlueChi has the node at {bluechi}";
        if (!options.Value.RequirePeerMatch)
        {
            // A node with two addresses is nothing to wake anybody for.
            await TellAsync(
                node, Mismatch, $"{peer} {bluechi}", EventSeverity.Warning,
                $"{found}. If the node does not have both addresses, somebody else has its key: revoke its certificate. --require-peer-match of the controller refuses this.").ConfigureAwait(false);
            return;
        }
        await TellAsync(node, Mismatch, $"{peer} {bluechi}", EventSeverity.Critical, $"{found}: it was refused, as --require-peer-match asks for.").ConfigureAwait(false);
        throw Failures.Make(Code.PermissionDenied, "WRONG_PEER", $"{found}; this controller takes agent extensions only from there.");
    }

    /// <summary>Tells something of a node once, and again when it is another thing or some time has passed.</summary>
    private async Task TellAsync(string node, string reason, string what, EventSeverity severity, string message)
    {
        var now = time.GetUtcNow();
        if (_told.TryGetValue((node, reason), out var told) && told.What == what && now - told.At < LinkContest.Window)
        {
            return;
        }
        _told[(node, reason)] = (what, now);
        Log.Raised(logger, node, message);
        try
        {
            // Also of somebody who hung up meanwhile.
            await database.WriteAsync(
                tx =>
                {
                    tx.Append(new EventDraft(reason, severity, CallerIdentity.Node(node).Actor, "", node, "", message));
                    return true;
                },
                commit: true, CancellationToken.None).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            Log.NotNoted(logger, node, reason, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1251, LogLevel.Warning, "{Node}: {Message}", EventName = nameof(Raised))]
        public static partial void Raised(ILogger logger, string node, string message);

        [LoggerMessage(1252, LogLevel.Error, "{Reason} of {Node} is not in the event log", EventName = nameof(NotNoted))]
        public static partial void NotNoted(ILogger logger, string node, string reason, Exception failure);
    }
}

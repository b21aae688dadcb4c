using System.Collections.Immutable;
using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Enrollment;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed partial class EnrollmentApi(
    EnrollmentDesk desk, EnrollmentStore store, JoinTokenStore joinTokens, JoinTokens tokens, INodeCertificates certificates, INodeStanding standing, IPeerAddresses peers, GuessLimit guesses, NodeStore nodes, Mutations mutations, TimeProvider time)
    : V1.EnrollmentService.EnrollmentServiceBase
{
    private const int FewestDigits = 8;

    // Often enough for whoever stands beside it, seldom enough for a fleet that waits for a day.
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AskAgainRefused = TimeSpan.FromMinutes(5);
    private static readonly ImmutableArray<bool> NodeKeyAndState = [true, true, false];

    /// <inheritdoc/>
    public override async Task<V1.RequestEnrollmentResponse> RequestEnrollment(V1.RequestEnrollmentRequest request, ServerCallContext context)
    {
        if (request is { Node.Length: 0, Csr.Length: 0, JoinToken.Length: 0 })
        {
            return new V1.RequestEnrollmentResponse { Authorities = certificates.AuthoritiesPem };
        }
        List<Problem> problems = [.. NodeParser.Parse(new NodeManifest { Name = request.Node }).Problems.Select(static problem => problem with { Path = "node" })];
        var key = CertificateRequests.ReadKey(request.Csr.Span, "csr");
        problems.AddRange(key.Problems);
        if (request.JoinToken.Length > JoinTokenText.Longest)
        {
            problems.Add(new("join_token", $"it has {request.JoinToken.Length} characters, and no token has more than {JoinTokenText.Longest}"));
        }
        if (problems.Count > 0)
        {
            throw Failures.Invalid(problems);
        }
        var address = context.GetHttpContext().Connection.RemoteIpAddress;
        if (request.JoinToken.Length > 0 && guesses.IsTooMany(address))
        {
            throw Failures.Make(Code.ResourceExhausted, "TOO_MANY_GUESSES", "Too many tokens from this address were wrong. Try again in a minute.", new RetryInfo { RetryDelay = GuessLimit.Window.ToDuration() });
        }
        var (decision, certificate) = await desk.AskAsync(new(request.Node, key.Value!, new(request.JoinToken), address, context.Origin(request)), context.CancellationToken).ConfigureAwait(false);
        switch (decision)
        {
            case EnrollmentDecision.Issue or EnrollmentDecision.Repeat:
                return new V1.RequestEnrollmentResponse { Issued = Issued(certificate) };
            case EnrollmentDecision.Wait wait:
                return new V1.RequestEnrollmentResponse { Pending = new V1.EnrollmentPending { RetryAfterMs = (int)AskAgain.TotalMilliseconds, Message = wait.Message } };
            case EnrollmentDecision.TurnAway full:
                throw Failures.Make(Code.ResourceExhausted, "TOO_MANY_WAIT", full.Message, new RetryInfo { RetryDelay = AskAgainRefused.ToDuration() });
            case EnrollmentDecision.Refuse refuse:
                if (refuse.Reason == "WrongToken")
                {
                    guesses.Count(address);
                }
                return new V1.RequestEnrollmentResponse
                {
                    Refused = new V1.EnrollmentRefused { Reason = refuse.Reason, Message = refuse.Message, RetryAfterMs = (int)AskAgainRefused.TotalMilliseconds },
                };
            default:
                throw new InvalidOperationException($"{decision} is not a decision this version knows.");
        }
    }

    /// <inheritdoc/>
    public override async Task<V1.Enrollment> GetEnrollment(V1.GetEnrollmentRequest request, ServerCallContext context) =>
        await ToWireAsync(Find(request.Node, request.Fingerprint, alsoEnrolled: true), context.CancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public override async Task<V1.ListEnrollmentsResponse> ListEnrollments(V1.ListEnrollmentsRequest request, ServerCallContext context)
    {
        var query = ListQuery<V1.Enrollment>.Read(
            new(request.PageSize, request.PageToken) { FieldSelector = request.FieldSelector }, NodeKeyAndState, context.View().Sees);
        var begin = query.After is [{ Text: { } node }, { Text: { } fingerprint }, var state] ? (node, fingerprint, state.Number) : ("", "", 0L);
        var now = time.GetUtcNow();
        var page = query.InOrder(
            Pages.All(begin, (after, limit) => store.After(after, limit, now), Place, query.Size + 1), ToWire, static one => [one.Node, one.Fingerprint, (long)one.State]);
        var waiting = page.Items.Where(static one => one.State != V1.Enrollment.Types.State.Enrolled).ToList();
        var look = waiting.Count > 0 ? await peers.LookAsync(context.CancellationToken).ConfigureAwait(false) : null;
        waiting.ForEach(one => one.Bluechi = ToWire(look!(one.Node, Address(one.Address))));
        return new V1.ListEnrollmentsResponse { Enrollments = { page.Items }, NextPageToken = page.Next };
    }

    /// <inheritdoc/>
    public override Task<V1.Enrollment> ApproveEnrollment(V1.ApproveEnrollmentRequest request, ServerCallContext context) =>
        DecideAsync(request, request.Node, request.Fingerprint, EnrollmentState.Approved, request.Reason, context);

    /// <inheritdoc/>
    public override Task<V1.Enrollment> DenyEnrollment(V1.DenyEnrollmentRequest request, ServerCallContext context) =>
        DecideAsync(request, request.Node, request.Fingerprint, EnrollmentState.Denied, request.Reason, context);

    /// <inheritdoc/>
    public override async Task<V1.IssuedCertificate> RenewCertificate(V1.RenewCertificateRequest request, ServerCallContext context)
    {
        if (context.GetHttpContext().Connection.ClientCertificate is not { } shown)
        {
            throw Failures.Precondition("A certificate is renewed on a connection that was made with it.");
        }
        var key = CertificateRequests.ReadKey(request.Csr.Span, "csr");
        if (!key.IsValid(out var next))
        {
            throw Failures.Invalid(key.Problems);
        }
        var node = context.Caller().Name;
        var (certificate, refusal) = await desk.RenewAsync(node, shown, next, context.Origin(request), context.CancellationToken).ConfigureAwait(false);
        return refusal is null ? Issued(certificate) : throw Failures.Make(Code.PermissionDenied, refusal.Reason == "Retired" ? "RETIRED" : "RENEWED_ELSEWHERE", refusal.Message);
    }

    private async Task<V1.Enrollment> DecideAsync(IMessage request, string node, string fingerprint, EnrollmentState state, string reason, ServerCallContext context)
    {
        var decided = await mutations.RunAsync(request, context, () => Task.FromResult(Decision(node, fingerprint, state, reason, context))).ConfigureAwait(false);
        // Of somebody else's program, so it is asked for when all is stored.
        decided.Bluechi = await PeerAsync(decided, context.CancellationToken).ConfigureAwait(false);
        return decided;
    }

    private Mutation<V1.Enrollment> Decision(string node, string fingerprint, EnrollmentState state, string reason, ServerCallContext context)
    {
        Reasons.Check(reason);
        if (state == EnrollmentState.Approved && store.Waiting(node, time.GetUtcNow()).Count == 0 && store.Key(node) is not null)
        {
            // It has joined since somebody said so.
            var joined = Find(node, fingerprint, alsoEnrolled: true);
            return new(_ => ToWire(joined));
        }
        var found = Find(node, fingerprint, alsoEnrolled: false);
        if (state == EnrollmentState.Approved && store.Key(node) is { } key && key.Fingerprint != found.Fingerprint && !standing.MayEnrollAgain(node))
        {
            throw Failures.Precondition($"{node} is enrolled with another key, and a name is never given to a second one. Retire the node first, if it lost its key.");
        }
        return new(tx => ToWire(EnrollmentStore.Decide(tx, node, found.Fingerprint, state, reason, context.Caller().Actor) ?? throw Failures.NotFound("enrollment", node)));
    }

    private StoredEnrollment Find(string node, string fingerprint, bool alsoEnrolled)
    {
        if (fingerprint.Length > 0 && (fingerprint.Length < FewestDigits || !fingerprint.All(char.IsAsciiHexDigitLower)))
        {
            throw Failures.Invalid("fingerprint", $"expected {FewestDigits} to 64 lower-case hexadecimal digits, as ListEnrollments tells them");
        }
        var now = time.GetUtcNow();
        List<StoredEnrollment> found =
        [
            .. store.Waiting(node, now),
            .. alsoEnrolled && store.Key(node) is { } key ? [key.ToEnrollment()] : Array.Empty<StoredEnrollment>(),
        ];
        found.RemoveAll(one => !one.Fingerprint.StartsWith(fingerprint, StringComparison.Ordinal));
        return found switch
        {
            [] => throw Failures.NotFound("enrollment", node),
            [var only] => only,
            _ => throw Failures.Precondition($"{found.Count} keys ask for the name {node}: {string.Join(", ", found.Select(static one => one.Fingerprint))}. Compare them with what the node's agent logs, and name one."),
        };
    }

    private static (string Node, string Fingerprint, long State) Place(StoredEnrollment one) => (one.Node, one.Fingerprint, (long)one.State);

    private async Task<V1.Enrollment> ToWireAsync(StoredEnrollment one, CancellationToken ct)
    {
        var wire = ToWire(one);
        wire.Bluechi = await PeerAsync(wire, ct).ConfigureAwait(false);
        return wire;
    }

    // What BlueChi says of where it asks from; null for one that has joined.
    private async Task<V1.BlueChiPeer?> PeerAsync(V1.Enrollment one, CancellationToken ct) =>
        one.State == V1.Enrollment.Types.State.Enrolled ? null : ToWire(await peers.OfAsync(one.Node, Address(one.Address), ct).ConfigureAwait(false));

    private static IPAddress? Address(string text) => IPAddress.TryParse(text, out var address) ? address : null;

    private static V1.BlueChiPeer ToWire(PeerReading reading) => new() { State = (V1.BlueChiPeer.Types.State)reading.State, Address = reading.Address, Message = $"{reading.Message}." };

    private static V1.Enrollment ToWire(StoredEnrollment one) => new()
    {
        Node = one.Node,
        State = (V1.Enrollment.Types.State)one.State,
        Fingerprint = one.Fingerprint,
        Address = one.Address,
        Since = one.Since.ToTimestamp(),
        ExpiresAt = one.ExpiresAt == DateTimeOffset.UnixEpoch ? null : one.ExpiresAt.ToTimestamp(),
        DecidedBy = one.DecidedBy,
        Reason = one.Reason,
    };

    private V1.IssuedCertificate Issued(string certificate) => new() { Certificate = certificate, Authorities = certificates.AuthoritiesPem };
}

using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>An EnrollmentService over lists.</summary>
internal sealed class FakeEnrollments : EnrollmentService.EnrollmentServiceBase
{
    public List<Enrollment> Stored { get; } = [];

    public List<JoinToken> Tokens { get; } = [];

    /// <summary>The secret that the next token gets.</summary>
    public string Secret { get; set; } = $"qmj1.id.secret.{new string('c', 64)}";

    public override Task<ListEnrollmentsResponse> ListEnrollments(ListEnrollmentsRequest request, ServerCallContext context) => Task.FromResult(new ListEnrollmentsResponse
    {
        Enrollments =
        {
            request.FieldSelector switch
            {
                "" => Stored,
                "state!=ENROLLED" => Stored.Where(one => one.State != Enrollment.Types.State.Enrolled),
                "state=PENDING" => Stored.Where(one => one.State == Enrollment.Types.State.Pending),
                var selector => Stored.Where(one => selector == $"node={one.Node}"),
            },
        },
    });

    public override Task<Enrollment> ApproveEnrollment(ApproveEnrollmentRequest request, ServerCallContext context) =>
        Task.FromResult(Decide(request.Node, request.Fingerprint, request.Reason, request.DryRun, Enrollment.Types.State.Approved));

    public override Task<Enrollment> DenyEnrollment(DenyEnrollmentRequest request, ServerCallContext context) =>
        Task.FromResult(Decide(request.Node, request.Fingerprint, request.Reason, request.DryRun, Enrollment.Types.State.Denied));

    public override Task<ListJoinTokensResponse> ListJoinTokens(ListJoinTokensRequest request, ServerCallContext context) => Task.FromResult(new ListJoinTokensResponse { Tokens = { Tokens } });

    public override Task<CreateJoinTokenResponse> CreateJoinToken(CreateJoinTokenRequest request, ServerCallContext context)
    {
        var token = new JoinToken
        {
            Name = request.Name,
            Nodes = { request.Nodes },
            Site = request.Site,
            MaxUses = request.MaxUses,
            CreatedAt = CliTest.Now.ToTimestamp(),
            ExpiresAt = request.ExpiresAt ?? (CliTest.Now + TimeSpan.FromDays(1)).ToTimestamp(),
            CreatedBy = "admin:ann",
        };
        if (request.DryRun)
        {
            return Task.FromResult(new CreateJoinTokenResponse { Token = token });
        }

        Tokens.Add(token);
        return Task.FromResult(new CreateJoinTokenResponse { Token = token, Secret = Secret });
    }

    public override Task<JoinToken> RevokeJoinToken(RevokeJoinTokenRequest request, ServerCallContext context)
    {
        var found = Tokens.Find(token => token.Name == request.Name) ?? throw new RpcException(new(StatusCode.NotFound, $"There is no jointoken \"{request.Name}\"."));
        if (!request.DryRun)
        {
            Tokens.Remove(found);
        }

        return Task.FromResult(found);
    }

    private Enrollment Decide(string node, string fingerprint, string reason, bool isTrial, Enrollment.Types.State state)
    {
        var found = Stored.FindAll(one => one.Node == node && one.Fingerprint.StartsWith(fingerprint, StringComparison.Ordinal) && one.State != Enrollment.Types.State.Enrolled);
        if (found is not [var only])
        {
            throw new RpcException(found.Count == 0
                ? new(StatusCode.NotFound, $"There is no enrollment \"{node}\".")
                : new(StatusCode.FailedPrecondition, $"{found.Count} keys ask for the name {node}: {string.Join(", ", found.Select(one => one.Fingerprint))}. Compare them with what the node's agent logs, and name one."));
        }

        var decided = isTrial ? only.Clone() : only;
        (decided.State, decided.DecidedBy, decided.Reason) = (state, "admin:ann", reason);
        return decided;
    }
}

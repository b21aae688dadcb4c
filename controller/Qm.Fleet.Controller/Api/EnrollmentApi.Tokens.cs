using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api;

/// <content>Join tokens.</content>
internal sealed partial class EnrollmentApi
{
    private const int MostPatterns = 100;
    private const int LongestPattern = 100;
    private const int MostUses = 10_000;

    private static readonly TimeSpan DefaultLife = TimeSpan.FromDays(1);
    private static readonly TimeSpan ShortestLife = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(31);

    /// <inheritdoc/>
    public override Task<V1.ListJoinTokensResponse> ListJoinTokens(V1.ListJoinTokensRequest request, ServerCallContext context) =>
        Task.FromResult(new V1.ListJoinTokensResponse { Tokens = { joinTokens.All().Select(ToWire) } });

    /// <inheritdoc/>
    public override Task<V1.CreateJoinTokenResponse> CreateJoinToken(V1.CreateJoinTokenRequest request, ServerCallContext context) =>
        mutations.RunAsync(request, context, () => Task.FromResult(NewToken(request, context)));

    /// <inheritdoc/>
    public override Task<V1.JoinToken> RevokeJoinToken(V1.RevokeJoinTokenRequest request, ServerCallContext context) => mutations.RunAsync(
        request, context, tx => ToWire(JoinTokenStore.Delete(tx, request.Name, context.Caller().Actor) ?? throw Failures.NotFound("jointoken", request.Name)));

    private Mutation<V1.CreateJoinTokenResponse> NewToken(V1.CreateJoinTokenRequest request, ServerCallContext context)
    {
        var now = time.GetUtcNow();
        List<Problem> problems = [];
        if (!Labels.IsName(request.Name, out var problem))
        {
            problems.Add(new("name", problem));
        }
        if (request.Nodes.Count is 0 or > MostPatterns)
        {
            problems.Add(new("nodes", $"{request.Nodes.Count} patterns; expected 1 to {MostPatterns}, such as ecu1 or ecu*, and * for every node"));
        }
        problems.AddRange(request.Nodes.Take(MostPatterns).Where(static pattern => !IsPattern(pattern)).Select(static pattern => new Problem(
            "nodes", $"\"{Plain(pattern)}\" is no pattern of node names: expected at most {LongestPattern} of A-Z, a-z, 0-9, '-', '_', '.', '*' and '?'")));
        if (request.Site.Length > 0 && !nodes.Sites().Contains(request.Site))
        {
            problems.Add(new("site", $"there is no site \"{Plain(request.Site)}\""));
        }
        if (request.MaxUses is < 0 or > MostUses)
        {
            problems.Add(new("max_uses", FormattableString.Invariant($"{request.MaxUses} is not within 1 and {MostUses}; 0 means 1")));
        }
        // Below zero for what is to come.
        var ago = RequestTimes.Ago("expires_at", request.ExpiresAt, now, problems);
        if (ago is { } given && (-given < ShortestLife || -given > LongestLife))
        {
            problems.Add(new("expires_at", FormattableString.Invariant($"it is not between {ShortestLife.TotalMinutes} minute and {LongestLife.TotalDays} days from now")));
        }
        if (problems.Count > 0)
        {
            throw Failures.Invalid(problems);
        }
        var (stored, text) = tokens.Make(new(
            request.Name, "", [], [.. request.Nodes], request.Site, 0, request.MaxUses == 0 ? 1 : request.MaxUses, now, ago is { } until ? now - until : now + DefaultLife, context.Caller().Actor));
        return new(tx =>
        {
            try
            {
                if (!JoinTokenStore.Add(tx, stored, context.Caller().Actor))
                {
                    throw Failures.Exists("jointoken", request.Name, "Revoke it first, or choose another name.");
                }
            }
            catch (AccessException e)
            {
                throw Failures.Precondition(e.Message);
            }
            return new() { Token = ToWire(stored), Secret = request.DryRun ? "" : text.Reveal() };
        });
    }

    private static bool IsPattern(string pattern) =>
        pattern.Length is > 0 and <= LongestPattern && pattern.All(static character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' or '*' or '?');

    private static string Plain(string text) => new([.. text.Take(LongestPattern).Where(static character => !char.IsControl(character))]);

    private static V1.JoinToken ToWire(StoredJoinToken token) => new()
    {
        Name = token.Name,
        Nodes = { token.Nodes },
        Site = token.Site,
        MaxUses = token.MaxUses,
        Uses = token.Uses,
        CreatedAt = token.CreatedAt.ToTimestamp(),
        ExpiresAt = token.ExpiresAt.ToTimestamp(),
        CreatedBy = token.CreatedBy,
    };
}

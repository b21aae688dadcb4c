using System.Net;
using Google.Rpc;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Http.Features;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Security.Oidc;
using Qm.Fleet.Core.Access;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Controller.Security;

/// <summary>Lets a request through when the caller is known and may do the like of it somewhere. Everything passes here; what it is about is judged by <see cref="AccessInterceptor"/>.</summary>
internal sealed partial class AccessGate(
    RequestDelegate next, AccessDesk desk, BearerTokens tokens, OidcTokens oidc, GuessLimit guesses, RefusalTrail trail, LimitRefusal limits, TimeProvider time, ILogger<AccessGate> logger)
{
    private const string Scheme = "Bearer ";

    /// <summary>Most bytes of a request of somebody whom nobody knows: 32 KiB.</summary>
    private const long MostBytesOfNobody = 32 * 1024;

    /// <summary>No timer takes more; a client that is cut off then comes again.</summary>
    private static readonly TimeSpan LongestCall = TimeSpan.FromDays(24);

    /// <summary>Answers for the request, or hands it on.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        if (context.Request.Headers.Authorization is [{ } header, ..])
        {
            return WithTokenAsync(context, header);
        }
        return context.Features.Get<CallerIdentity>() is { } caller ? JudgeAsync(context, caller)
            : IsForNobody(context.GetEndpoint()) ? WithoutIdentityAsync(context)
            : Refusal.AnswerAsync(context, Failures.Make(Code.Unauthenticated, "UNAUTHENTICATED", "Who are you? Show a client certificate of this controller, or a bearer token."));
    }

    /// <summary>What an endpoint takes; null when nothing was said, so nobody may use it.</summary>
    internal static (string Verb, string Resource)? Needs(Endpoint? endpoint)
    {
        if (endpoint?.Metadata.GetMetadata<GrpcMethodMetadata>() is { } grpc)
        {
            return AccessRules.ByMethod.TryGetValue(grpc.Method.FullName, out var rule) ? (rule.Verb, rule.Resource) : null;
        }
        return endpoint?.Metadata.GetMetadata<EndpointRule>() is { } plain ? (plain.Verb, plain.Resource) : null;
    }

    private static bool IsForNobody(Endpoint? endpoint) =>
        endpoint?.Metadata.GetMetadata<GrpcMethodMetadata>() is { } grpc && AccessRules.ByMethod.TryGetValue(grpc.Method.FullName, out var rule) && rule.IsForNobody;

    // Who is known by an address alone has the quota of that address, and small requests.
    private Task WithoutIdentityAsync(HttpContext context)
    {
        var caller = CallerIdentity.Nobody(context.Connection.RemoteIpAddress is { } address ? new IPEndPoint(address, context.Connection.RemotePort) : null);
        context.Features.Set(caller);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
        {
            body.MaxRequestBodySize = MostBytesOfNobody;
        }
        return JudgeAsync(context, caller);
    }

    // A token says who calls even on a connection that has an identity: whoever sends one means it.
    private async Task WithTokenAsync(HttpContext context, string header)
    {
        var address = context.Connection.RemoteIpAddress;
        if (guesses.IsTooMany(address))
        {
            await limits.AnswerAsync(
                context, CallerIdentity.Nobody(new IPEndPoint(address!, 0)).Actor, LimitNames.Guesses, "TOO_MANY_GUESSES",
                "Too many tokens from this address were wrong. Try again in a minute.", GuessLimit.Window).ConfigureAwait(false);
            return;
        }
        var sent = new Secret(header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..] : "");
        if (oidc.IsOne(sent))
        {
            await WithOidcTokenAsync(context, sent).ConfigureAwait(false);
            return;
        }
        if (tokens.Identify(sent) is not { } token)
        {
            guesses.Count(address);
            Log.WrongToken(logger, address?.ToString() ?? "the Unix socket");
            await Refusal.AnswerAsync(context, Failures.Make(Code.Unauthenticated, "WRONG_TOKEN", "The token is none of this controller's, or has ended.")).ConfigureAwait(false);
            return;
        }
        using var revocation = token.Revoked.Register(context.Abort);
        await UntilAsync(context, token.Caller, token.Ends).ConfigureAwait(false);
    }

    private async Task WithOidcTokenAsync(HttpContext context, Secret sent)
    {
        var answer = await oidc.IdentifyAsync(sent, context.RequestAborted).ConfigureAwait(false);
        if (answer.Caller is { } caller)
        {
            await UntilAsync(context, caller, answer.Ends).ConfigureAwait(false);
            return;
        }
        if (!answer.IsForNow)
        {
            guesses.Count(context.Connection.RemoteIpAddress);
        }
        await Refusal.AnswerAsync(context, answer.IsForNow
            ? Failures.Make(Code.Unavailable, "ISSUER_NOT_HEARD", answer.Refusal)
            : Failures.Make(Code.Unauthenticated, "WRONG_TOKEN", answer.Refusal)).ConfigureAwait(false);
    }

    // Whoever is known by a token is so until its end, in the middle of a stream, too.
    private async Task UntilAsync(HttpContext context, CallerIdentity caller, DateTimeOffset ends)
    {
        context.Features.Set(caller);
        var left = ends - time.GetUtcNow();
        using var end = new CancellationTokenSource(left > LongestCall ? LongestCall : left > TimeSpan.Zero ? left : TimeSpan.Zero, time);
        using var expiry = end.Token.Register(context.Abort);
        await JudgeAsync(context, caller).ConfigureAwait(false);
    }

    private async Task JudgeAsync(HttpContext context, CallerIdentity caller)
    {
        if (Needs(context.GetEndpoint()) is not { } needs)
        {
            await Refusal.AnswerAsync(
                context, Failures.Make(Code.Unimplemented, "NOT_OFFERED", $"{context.Request.Path} is not offered here."), StatusCodes.Status404NotFound).ConfigureAwait(false);
            return;
        }
        if (needs.Verb.Length > 0 && AccessPolicy.Reach(desk.Book.RulesOf(caller), needs.Verb, needs.Resource) == AccessReach.Nothing)
        {
            var refusal = $"{caller.Actor} may not {needs.Verb} {needs.Resource}.";
            if (await trail.NoteAsync(caller.Actor, Name(context.GetEndpoint()!), refusal).ConfigureAwait(false))
            {
                Log.Refused(logger, caller.Actor, context.Request.Path, needs.Verb, needs.Resource);
            }
            await Refusal.AnswerAsync(context, Failures.Make(Code.PermissionDenied, "NOT_ALLOWED", refusal)).ConfigureAwait(false);
            return;
        }
        await next(context).ConfigureAwait(false);
    }

    // What was called, whatever path of REST leads there: a path holds names that callers choose.
    private static string Name(Endpoint endpoint) =>
        endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.FullName ?? (endpoint as RouteEndpoint)?.RoutePattern.RawText ?? endpoint.DisplayName ?? "";

    private static partial class Log
    {
        [LoggerMessage(1200, LogLevel.Warning, "A token from {Address} was wrong", EventName = nameof(WrongToken))]
        public static partial void WrongToken(ILogger logger, string address);

        [LoggerMessage(1201, LogLevel.Warning, "Refused {Actor} at {Path}: it may not {Verb} {Resource}", EventName = nameof(Refused))]
        public static partial void Refused(ILogger logger, string actor, string path, string verb, string resource);
    }
}

using Google.Rpc;
using Grpc.AspNetCore.Server;
using Qm.Fleet.Controller.Api;

namespace Qm.Fleet.Controller.Security;

/// <summary>Lets a request through when the connection's identity has the role its endpoint takes. Everything passes here.</summary>
internal sealed partial class AccessGate(RequestDelegate next, ILogger<AccessGate> logger)
{
    /// <summary>Answers for the request, or hands it on.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        if (context.Features.Get<CallerIdentity>() is not { } caller)
        {
            Log.Anonymous(logger, context.Request.Path);
            return Refusal.AnswerAsync(context, Failures.Make(Code.Unauthenticated, "UNAUTHENTICATED", "The connection has no identity."));
        }
        if (RequiredRole(context.GetEndpoint()) is not { } role)
        {
            return Refusal.AnswerAsync(
                context, Failures.Make(Code.Unimplemented, "NOT_OFFERED", $"{context.Request.Path} is not offered here."), StatusCodes.Status404NotFound);
        }
        if (role != caller.Role)
        {
            Log.Refused(logger, caller.Actor, context.Request.Path, role);
            return Refusal.AnswerAsync(context, Failures.Make(
                Code.PermissionDenied, "NOT_ALLOWED", $"{caller.Actor} has the role {caller.Role}; {context.Request.Path} takes the role {role}."));
        }
        return next(context);
    }

    /// <summary>The role an endpoint takes; null when nothing was said, so nobody may use it.</summary>
    internal static Role? RequiredRole(Endpoint? endpoint) =>
        endpoint?.Metadata.GetMetadata<GrpcMethodMetadata>() is { } grpc
            ? AccessRules.ByMethod.TryGetValue(grpc.Method.FullName, out var role) ? role : null
            : endpoint?.Metadata.GetMetadata<AccessRule>()?.Role;

    private static partial class Log
    {
        [LoggerMessage(1200, LogLevel.Error, "A request for {Path} came on a connection without identity", EventName = nameof(Anonymous))]
        public static partial void Anonymous(ILogger logger, string path);

        [LoggerMessage(1201, LogLevel.Warning, "Refused {Actor} at {Path}, which takes the role {Role}", EventName = nameof(Refused))]
        public static partial void Refused(ILogger logger, string actor, string path, Role role);
    }
}

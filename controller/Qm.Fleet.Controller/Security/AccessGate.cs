using System.Net.Mime;
using Grpc.AspNetCore.Server;
using Google.Protobuf;
using Grpc.Core;
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
            return Refuse(context, StatusCode.Unauthenticated, "The connection has no identity.");
        }
        if (RequiredRole(context.GetEndpoint()) is not { } role)
        {
            return Refuse(context, StatusCode.Unimplemented, $"{context.Request.Path} is not offered here.");
        }
        if (role != caller.Role)
        {
            Log.Refused(logger, caller.Actor, context.Request.Path, role);
            return Refuse(
                context, StatusCode.PermissionDenied,
                $"{caller.Actor} has the role {caller.Role}; {context.Request.Path} takes the role {role}.");
        }
        return next(context);
    }

    /// <summary>The role an endpoint takes; null when nothing was said, so nobody may use it.</summary>
    internal static Role? RequiredRole(Endpoint? endpoint) =>
        endpoint?.Metadata.GetMetadata<GrpcMethodMetadata>() is { } grpc
            ? AccessRules.ByMethod.TryGetValue(grpc.Method.FullName, out var role) ? role : null
            : endpoint?.Metadata.GetMetadata<AccessRule>()?.Role;

    private static Task Refuse(HttpContext context, StatusCode status, string message)
    {
        if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) is true)
        {
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = ((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture);
            context.Response.Headers["grpc-message"] = Uri.EscapeDataString(message);
            context.Response.Headers["grpc-status-details-bin"] = Convert.ToBase64String(Failures.Refused(status, message).ToByteArray());
            return Task.CompletedTask;
        }
        context.Response.StatusCode = status switch
        {
            StatusCode.Unauthenticated => StatusCodes.Status401Unauthorized,
            StatusCode.PermissionDenied => StatusCodes.Status403Forbidden,
            _ => StatusCodes.Status404NotFound,
        };
        context.Response.ContentType = MediaTypeNames.Text.Plain;
        return context.Response.WriteAsync(message + "\n", context.RequestAborted);
    }

    private static partial class Log
    {
        [LoggerMessage(1200, LogLevel.Error, "A request for {Path} came on a connection without identity", EventName = nameof(Anonymous))]
        public static partial void Anonymous(ILogger logger, string path);

        [LoggerMessage(1201, LogLevel.Warning, "Refused {Actor} at {Path}, which takes the role {Role}", EventName = nameof(Refused))]
        public static partial void Refused(ILogger logger, string actor, string path, Role role);
    }
}

using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Security;

/// <summary>The caller of a gRPC method.</summary>
internal static class CallerContext
{
    /// <summary>Who calls; <see cref="AccessGate"/> lets nobody through without an identity.</summary>
    public static CallerIdentity Caller(this ServerCallContext context) =>
        context.GetHttpContext().Features.Get<CallerIdentity>()
        ?? throw new InvalidOperationException("A call passed the access gate without an identity.");

    /// <summary>Who asks for something, and from where, as the audit trail names it.</summary>
    /// <param name="context">The call.</param>
    /// <param name="request">Its request; one that has a <c>request_id</c> is known by that.</param>
    public static Origin Origin(this ServerCallContext context, IMessage request)
    {
        var http = context.GetHttpContext();
        var source = http.Features.Get<CallerSource>()?.Text
            ?? (http.Connection.RemoteIpAddress is { } address ? new IPEndPoint(address, http.Connection.RemotePort).ToString() : "");
        return new(context.Caller().Actor, source, request.Descriptor.FindFieldByName("request_id")?.Accessor.GetValue(request) as string ?? "");
    }

    /// <summary>What lies where the caller may do what the method does; for methods whose rule says that they answer within a scope.</summary>
    public static AccessView View(this ServerCallContext context) =>
        context.GetHttpContext().Features.Get<AccessView>()
        ?? throw new InvalidOperationException($"{context.Method} answers within a scope, and its rule does not say so.");
}

/// <summary>Where a connection that has no address comes from; attached to the connection.</summary>
/// <param name="Text">Such as unix:uid=0.</param>
internal sealed record CallerSource(string Text);

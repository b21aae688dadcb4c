using Grpc.Core;

namespace Qm.Fleet.Controller.Security;

/// <summary>The caller of a gRPC method.</summary>
internal static class CallerContext
{
    /// <summary>Who calls; <see cref="AccessGate"/> lets nobody through without an identity.</summary>
    public static CallerIdentity Caller(this ServerCallContext context) =>
        context.GetHttpContext().Features.Get<CallerIdentity>()
        ?? throw new InvalidOperationException("A call passed the access gate without an identity.");

    /// <summary>What lies where the caller may do what the method does; for methods whose rule says that they answer within a scope.</summary>
    public static AccessView View(this ServerCallContext context) =>
        context.GetHttpContext().Features.Get<AccessView>()
        ?? throw new InvalidOperationException($"{context.Method} answers within a scope, and its rule does not say so.");
}

using Grpc.Core;

namespace Qm.Fleet.Controller.Security;

/// <summary>The caller of a gRPC method.</summary>
internal static class CallerContext
{
    /// <summary>Who calls; <see cref="AccessGate"/> lets nobody through without an identity.</summary>
    public static CallerIdentity Caller(this ServerCallContext context) =>
        context.GetHttpContext().Features.Get<CallerIdentity>()
        ?? throw new InvalidOperationException("A call passed the access gate without an identity.");
}

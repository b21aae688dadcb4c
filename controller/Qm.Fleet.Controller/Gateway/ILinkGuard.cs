using System.Net;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>Watches over what the key of a node is used for.</summary>
internal interface ILinkGuard
{
    /// <summary>Looks at an agent that said who it is, before it is welcomed.</summary>
    /// <param name="hello">What it said.</param>
    /// <param name="peer">Where it dials in from; null where that has no address.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="Grpc.Core.RpcException">It is refused.</exception>
    Task AdmitAsync(V1.Hello hello, IPAddress? peer, CancellationToken ct);

    /// <summary>Waits until the next message of a node may be taken.</summary>
    /// <param name="node">BlueChi's node name of the host.</param>
    /// <param name="bytes">How large the last one was.</param>
    /// <param name="ct">Ends the wait.</param>
    Task PaceAsync(string node, int bytes, CancellationToken ct);
}

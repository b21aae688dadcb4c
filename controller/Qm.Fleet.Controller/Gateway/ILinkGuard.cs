using System.Net;
using Qm.Fleet.Core.Limits;

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

    /// <summary>Waits until the next message of a link may be read, which the sender feels: what is not read is held up at its end.</summary>
    /// <param name="link">Whose.</param>
    /// <param name="said">What the last one counts as, whatever its size.</param>
    /// <param name="bytes">How large it was.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="Grpc.Core.RpcException">It says too much without end, and is heard no more for a while.</exception>
    Task PaceAsync(AgentLink link, AgentSaid said, int bytes, CancellationToken ct);
}

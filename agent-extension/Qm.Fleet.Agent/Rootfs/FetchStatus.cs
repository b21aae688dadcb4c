using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>How far the fetch of a slot is.</summary>
/// <param name="Sha256">The archive's SHA-256.</param>
/// <param name="Phase">What is being done.</param>
/// <param name="DoneBytes">Bytes this phase is through with.</param>
/// <param name="TotalBytes">Bytes this phase has to go through; 0 when unknown.</param>
/// <param name="Reason">A CamelCase word when it failed; else empty.</param>
/// <param name="Message">A sentence when it failed; else empty.</param>
internal sealed record FetchStatus(
    string Sha256, RootfsFetch.Types.Phase Phase, long DoneBytes = 0, long TotalBytes = 0, string Reason = "", string Message = "")
{
    public bool HasFailed => Phase == RootfsFetch.Types.Phase.Failed;

    public RootfsFetch ToWire() => new()
    {
        Sha256 = Sha256,
        Phase = Phase,
        DoneBytes = DoneBytes,
        TotalBytes = TotalBytes,
        Reason = Reason,
        Message = Message,
    };
}

namespace Qm.Fleet.Lab.Peers;

/// <summary>What all peer agents of a site have in their <c>agent.conf</c>.</summary>
/// <param name="Address">ControllerAddress: where bluechi-controller takes agents in, such as <c>tcp:host=127.0.0.1,port=842</c> or <c>unix:path=/run/bluechi/bluechi.sock</c>.</param>
/// <param name="HeartbeatInterval">
/// How often an agent says that it lives, and how long it waits before it connects again; a registration that takes longer is given up. More than zero.
/// </param>
internal sealed record PeerOptions(string Address, TimeSpan HeartbeatInterval)
{
    /// <summary>BlueChi's own default.</summary>
    public static TimeSpan DefaultHeartbeatInterval { get; } = TimeSpan.FromSeconds(2);
}

using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>The methods of <c>org.eclipse.bluechi.Monitor</c>. Called under the emulation's gate.</summary>
internal sealed class MonitorMethods(EmulatedBlueChi blueChi)
{
    private Monitors Monitors => blueChi.Life.Monitors;

    public void Close(MethodCall call)
    {
        Monitors.Close(Of(call));
        blueChi.Life.DropUnusedSubscriptions();
        call.Reply();
    }

    public void Subscribe(MethodCall call) => Subscribe(call, [call.Body[1].AsText()]);

    public void SubscribeList(MethodCall call) => Subscribe(call, [.. call.Body[1].AsItems().Select(unit => unit.AsText())]);

    public void Unsubscribe(MethodCall call)
    {
        if (!Of(call).Subscriptions.Remove(call.Body[0].AsUInt32()))
        {
            throw BlueChiError.Failed("Subscription not found");
        }

        blueChi.Life.DropUnusedSubscriptions();
        call.Reply();
    }

    public void AddPeer(MethodCall call)
    {
        var (monitor, peer) = (Of(call), call.Body[0].AsText());
        if (!peer.StartsWith(':') || peer == monitor.Owner || monitor.Peers.ContainsValue(peer))
        {
            throw BlueChiError.InvalidArguments($"'{peer}' is no unique bus name, or is told already");
        }

        call.Reply(Monitors.AddPeer(monitor, peer));
    }

    public void RemovePeer(MethodCall call)
    {
        var monitor = Of(call);
        if (!Monitors.RemovePeer(monitor, call.Body[0].AsUInt32(), call.Body[1].AsText()))
        {
            throw BlueChiError.Failed("Peer not found");
        }

        call.Reply();
    }

    private void Subscribe(MethodCall call, ImmutableArray<string> units) =>
        blueChi.Life.Subscribe(Of(call), call.Body[0].AsText(), units, subscription => call.Reply(subscription));

    private Monitor Of(MethodCall call) => Monitors.Find(call.Path) ?? throw BlueChiError.UnknownObject(call.Path);
}

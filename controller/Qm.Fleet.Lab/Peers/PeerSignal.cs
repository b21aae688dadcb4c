using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.Peers;

/// <summary>Says something to the controller, in the order of the calls; nobody hears it while the agent is not connected.</summary>
internal delegate void PeerSignal(string member, params ImmutableArray<BusValue> body);

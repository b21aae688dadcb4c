namespace Qm.Fleet.Controller.Storage;

/// <summary>Who asked for a change, and from where.</summary>
/// <param name="Actor">An authenticated identity.</param>
/// <param name="Source">The address the call came from, such as 192.0.2.7:41234 or unix:uid=0; empty when it was no call.</param>
/// <param name="RequestId">The call's request id; empty when it had none.</param>
internal sealed record Origin(string Actor, string Source = "", string RequestId = "");

using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>The methods of <c>org.eclipse.bluechi.Controller</c> and <c>Job</c> that ask no agent. Called under the emulation's gate.</summary>
internal sealed class ControllerMethods(EmulatedBlueChi blueChi)
{
    private ControllerLife Life => blueChi.Life;

    public void ListNodes(MethodCall call) => call.Reply(new BusValue.Array("(soss)", [.. Life.Nodes.Select(node => (BusValue)new BusValue.Struct(
        [node.Name, new BusValue.ObjectPath(node.Path), node.Session is null ? "offline" : "online", node.Session is null ? "" : blueChi.Faults.AddressOf(node.Name)]))]));

    public void GetNode(MethodCall call) =>
        call.Reply(new BusValue.ObjectPath((AtRoot(call).Node(call.Body[0].AsText()) ?? throw BlueChiError.NodeNotFound()).Path));

    public void CreateMonitor(MethodCall call) => call.Reply(new BusValue.ObjectPath(AtRoot(call).Monitors.Create(call.Sender).Path));

    public void SetLogLevel(MethodCall call)
    {
        var level = call.Body[0].AsText();
        if (level is not ("DEBUG" or "INFO" or "WARN" or "ERROR"))
        {
            throw BlueChiError.InvalidArguments($"Invalid log level '{level}'");
        }

        blueChi.Life.LogLevel = level;
        call.Reply();
    }

    public void EnableMetrics(MethodCall call)
    {
        AtRoot(call).Metrics = Life.Metrics is null ? new(blueChi.Time) : throw BlueChiError.Inconsistent("Metrics are enabled already");
        call.Reply();
    }

    public void DisableMetrics(MethodCall call)
    {
        AtRoot(call).Metrics = Life.Metrics is null ? throw BlueChiError.Inconsistent("Metrics are disabled already") : null;
        call.Reply();
    }

    public void CancelJob(MethodCall call)
    {
        var job = Life.JobAt(call.Path) ?? throw BlueChiError.UnknownObject(call.Path);
        call.Reply();

        // Outside of the gate: the operation ends under its node's, which comes first.
        _ = Task.Run(() =>
        {
            if (job.Operation is { } operation && Life.Node(job.Node)?.Session is { } session)
            {
                session.Systemd.Cancel(operation);
            }
        });
    }

    public void Counters(MethodCall call) => call.Reply(new BusValue.Dictionary("s", "t",
        [.. blueChi.Counters.Counts.OrderBy(count => count.Key).Select(count => KeyValuePair.Create<BusValue, BusValue>($"{count.Key.Node} {count.Key.Method}", count.Value))]));

    private ControllerLife AtRoot(MethodCall call) => call.Path == BlueChiNames.Root ? Life : throw BlueChiError.UnknownObject(call.Path);
}

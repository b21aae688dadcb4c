using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary><c>org.freedesktop.DBus.Properties</c> of controller, nodes and jobs; nodes answer while they are offline, too. Called under the emulation's gate.</summary>
internal sealed class PropertyMethods(EmulatedBlueChi blueChi)
{
    // What BlueChi tells only to those who ask for it by name.
    private static readonly string[] Explicit = ["PeerIp", "LastSeenTimestamp", "LastSeenTimestampMonotonic", "LogLevel"];

    public void Get(MethodCall call)
    {
        var name = call.Body[1].AsText();
        call.Reply(new BusValue.Variant(Of(call.Path, call.Body[0].AsText()).GetValueOrDefault(name) ?? throw BlueChiError.UnknownProperty(name)));
    }

    public void GetAll(MethodCall call) => call.Reply(BusValue.Properties(Of(call.Path, call.Body[0].AsText()).Where(property => !Explicit.Contains(property.Key))));

    public static void Set(MethodCall call) => throw new BlueChiError("org.freedesktop.DBus.Error.PropertyReadOnly", $"Property '{call.Body[1].AsText()}' is not writable.");

    private Dictionary<string, BusValue> Of(string path, string interfaceName) => interfaceName switch
    {
        BlueChiNames.Controller when path == BlueChiNames.Root => new()
        {
            ["Status"] = blueChi.Life.Status,
            ["LogLevel"] = blueChi.Life.LogLevel,
            ["LogTarget"] = "journald",
        },
        BlueChiNames.Node when blueChi.Life.NodeAt(path) is { } node => new()
        {
            ["Name"] = node.Name,
            ["Status"] = node.Session is null ? "offline" : "online",
            ["PeerIp"] = node.Session is null ? "" : blueChi.Faults.AddressOf(node.Name),
            ["LastSeenTimestamp"] = blueChi.Life.LastSeen(node).Real,
            ["LastSeenTimestampMonotonic"] = blueChi.Life.LastSeen(node).Monotonic,
        },
        BlueChiNames.Job when blueChi.Life.JobAt(path) is { } job => new()
        {
            ["Id"] = job.Id,
            ["Node"] = job.Node,
            ["Unit"] = job.Unit,
            ["JobType"] = job.Type,
            ["State"] = job.State,
        },
        BlueChiNames.Controller or BlueChiNames.Node or BlueChiNames.Job => throw BlueChiError.UnknownObject(path),
        _ => throw BlueChiError.UnknownProperty(interfaceName),
    };
}

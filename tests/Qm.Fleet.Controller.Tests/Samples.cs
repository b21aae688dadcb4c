using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Wire;

namespace Qm.Fleet.Controller.Tests;

/// <summary>One valid resource of each kind; tests change what matters to them.</summary>
internal static class Samples
{
    public static V1.Fleet Fleet(string name = "cockpit", string memoryMax = "3G") => new()
    {
        Metadata = new V1.Metadata { Name = name, Labels = { ["program"] = "atlas" } },
        Spec = new V1.FleetSpec
        {
            Selector = "zone=cockpit",
            Environment = new V1.Environment
            {
                Rootfs = new V1.Rootfs { Preinstalled = new V1.Preinstalled() },
                Resources = new V1.Resources { MemoryMax = memoryMax, CpuWeight = "idle" },
                Oom = new V1.OomScores { Qm = 500, Nested = 750, Asil = { ["brake-control.service"] = -1000 } },
                Workloads = { Workload("radio", new Struct { Fields = { ["Image"] = Value.ForString("localhost/radio:3") } }) },
            },
        },
    };

    public static V1.Workload Workload(string name, Struct container) => new()
    {
        Name = name,
        Quadlet = new Struct { Fields = { ["Container"] = Value.ForStruct(container) } },
    };

    public static V1.Node Node(string name = "ecu1", bool cordoned = false) => new()
    {
        Metadata = new V1.Metadata { Name = name, Labels = { ["zone"] = "cockpit" } },
        Spec = new V1.NodeSpec { Cordoned = cordoned },
    };

    public static FleetDraft Draft(V1.Fleet fleet)
    {
        var parsed = Manifests.Parse(fleet.Metadata, fleet.Spec);
        Assert.Empty(parsed.Problems);
        return new FleetDraft(parsed.Value!, fleet.Spec);
    }

    public static Core.Environments.NodeSpec Spec(string name, params (string Key, string Value)[] labels) => new(
        name, labels.ToImmutableSortedDictionary(static label => label.Key, static label => label.Value), "local", Cordoned: false);

    public static EventDraft Event(string reason = "NodeReady", string node = "", string fleet = "") =>
        new(reason, EventSeverity.Info, EventDraft.Controller, fleet, node, "", "It happened.");
}

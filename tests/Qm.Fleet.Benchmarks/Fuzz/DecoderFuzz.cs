using System.Collections.Immutable;
using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.BlueChi.Client;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Monitors;
using Qm.Fleet.BlueChi.Session;

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>Bodies of the right shape, damaged, for everything that makes records of them.</summary>
internal static class DecoderFuzz
{
    private static readonly BusValue Node = "ecu1";
    private static readonly BusValue Unit = "radio.service";
    private static readonly BusValue JobPath = new BusValue.ObjectPath("/org/eclipse/bluechi/job/7");
    private static readonly BusValue SystemdJob = new BusValue.ObjectPath("/org/freedesktop/systemd1/job/7");
    private static readonly BusValue UnitRow = new BusValue.Struct([Unit, "Radio", "loaded", "active", "running", "", new BusValue.ObjectPath("/u"), 0U, "", new BusValue.ObjectPath("/")]);
    private static readonly BusValue FileRow = new BusValue.Struct(["/usr/lib/systemd/system/radio.service", "enabled"]);
    private static readonly BusValue Changes = new BusValue.Array("(sss)", [new BusValue.Struct(["symlink", "/etc/a", "/usr/a"])]);

    private static readonly BusValue Properties = BusValue.Properties(
    [
        new("ActiveState", "active"), new("InvocationID", new BusValue.Bytes([1, 2, 3])), new("ActiveEnterTimestampMonotonic", 7UL),
        new("Job", new BusValue.Struct([7U, SystemdJob])),
    ]);

    // Of each: a body as it should be, and who reads it.
    private static readonly (ImmutableArray<BusValue> Body, Action<ImmutableArray<BusValue>> Read)[] Decoders =
    [
        ([new BusValue.Array("(soss)", [new BusValue.Struct([Node, new BusValue.ObjectPath("/n"), "online", "127.0.0.1"])])], body => Replies.ToNodes(body)),
        ([JobPath], body => Replies.ToText(body)),
        ([3U], body => Replies.ToNumber(body)),
        ([SystemdJob], body => Replies.ToSystemdJob(body)),
        ([new BusValue.Variant("waiting")], body => Replies.ToJobState(body)),
        ([new BusValue.Variant(7UL)], body => ReadAll(Replies.ToProperty(body), 0)),
        ([Properties], body => UnitState.From(Replies.ToProperties(body))),
        ([new BusValue.Array("(ssssssouso)", [UnitRow])], body => Replies.ToUnits(body)),
        ([new BusValue.Array("(ss)", [FileRow])], body => Replies.ToUnitFiles(body)),
        ([Changes], body => Replies.ToChanges(body)),
        ([true, Changes], body => Replies.ToEnabled(body)),
        ([new BusValue.Dictionary("s", "a(ssssssouso)", [new(Node, new BusValue.Array("(ssssssouso)", [UnitRow]))])], body => Replies.ToRowsOfNodes(body, Records.ToUnit)),
        ([Node, Unit, "real"], body => MonitorSignals.Read("UnitNew", body)),
        ([Node, Unit, "active", "running", "real"], body => MonitorSignals.Read("UnitStateChanged", body)),
        ([Node, Unit, Wire.SystemdUnit, Properties], body => MonitorSignals.Read("UnitPropertiesChanged", body)),
        (["monitor closed"], body => MonitorSignals.Read("PeerRemoved", body)),
        ([Node, "7", Unit, 5UL, 3UL], body => Records.ToMetrics("StartUnitJobMetrics", body)),
        ([Node, Unit, "StartUnit", 5UL], body => Records.ToMetrics("AgentJobMetrics", body)),
        ([7U, JobPath, Node, Unit, "done"], body => new JobTracker().Removed(Signal("JobRemoved", body))),
        ([Wire.Name, "", ":1.7"], body => new OwnerWatch().Changed(Signal("NameOwnerChanged", body))),
    ];

    internal static Fuzzer Create(int seed) => new("decoders", seed, Feed);

    private static (int Size, bool Refused) Feed(Random random)
    {
        var (good, read) = Decoders[random.Next(Decoders.Length)];
        var body = new BodyDamage(random).Of(good);
        try
        {
            read(body);
            return (WireSize.Of(body), false);
        }
        catch (BusFormatException)
        {
            return (WireSize.Of(body), true);
        }
    }

    // Whatever a property is, all the ways to ask for it answer.
    private static void ReadAll(PropertyValue value, int depth)
    {
        _ = (value.TryGetString(out _), value.TryGetUInt64(out _), value.TryGetInt64(out _), value.TryGetBoolean(out _), value.TryGetBytes(out _), value.Signature);
        if (depth < 8 && value.TryGetList(out var items))
        {
            foreach (var item in items)
            {
                ReadAll(item, depth + 1);
            }
        }
    }

    private static BusSignal Signal(string member, ImmutableArray<BusValue> body) => new(new(":1.7", Wire.Root, Wire.Controller, member), body);
}

using CsCheck;
using Qm.Fleet.Core.Capacity;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Tests.Reconcile;
using Xunit;

namespace Qm.Fleet.Core.Tests.Plans;

[Trait("Requirement", "QMF-CAPACITY-001")]
public sealed class CapacityTests
{
    private const long Gib = 1L << 30;
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Of_LimitsAndReserve_LeaveTheRest()
    {
        var capacity = Of(Machine(8, 4), new("2G", "1.5", "10%"), ("MemoryMax", "50%"), ("MemoryHigh", "3G"), ("MemoryMin", "1G"), ("CPUQuota", "250%"), ("AllowedCPUs", "2-5"), ("TasksMax", "400"));

        Assert.Equal((8 * Gib, 2 * Gib, 4 * Gib, 2 * Gib), (capacity.Memory.Has, capacity.Memory.Reserve, capacity.Memory.Declared, capacity.Memory.Free));
        // Of the four allowed CPUs the node has two, which is less than the quota.
        Assert.Equal((4000L, 1500L, 2000L, 500L), (capacity.Cpus.Has, capacity.Cpus.Reserve, capacity.Cpus.Declared, capacity.Cpus.Free));
        Assert.Equal((1000L, 100L, 400L, 500L), (capacity.Tasks.Has, capacity.Tasks.Reserve, capacity.Tasks.Declared, capacity.Tasks.Free));
        Assert.Equal((3 * Gib, Gib), (capacity.MemoryHigh, capacity.MemoryMin));
    }

    [Fact]
    public void Of_NothingDeclared_MayTakeEverything()
    {
        var capacity = Of(Machine(8, 4), null);

        Assert.Equal((null, null, null, null, null), (capacity.Memory.Declared, capacity.Cpus.Declared, capacity.Tasks.Declared, capacity.MemoryHigh, capacity.MemoryMin));
        Assert.Equal((-Gib, 0L, 0L), (capacity.Memory.Free, capacity.Cpus.Free, capacity.Tasks.Free));
    }

    [Fact]
    public void Of_NodeThatSaidNothing_CountsWithNothing()
    {
        var capacity = Of(new(0, 0), new("25%", "2", "10%"), ("MemoryMax", "50%"), ("TasksMax", "infinity"));

        Assert.Equal((0L, 0L, (long?)null, 0L), (capacity.Memory.Has, capacity.Memory.Reserve, capacity.Memory.Declared, capacity.Memory.Free));
        Assert.Equal((0L, 0L), (capacity.Cpus.Free, capacity.Tasks.Free));
    }

    [Theory]
    [InlineData("Service", "MemoryMax", "512M", 512L << 20)]
    [InlineData("Service", "MemoryMax", "25%", 2 * Gib)]
    [InlineData("Service", "MemoryMax", "infinity", null)]
    [InlineData("Container", "Memory", "256m", 256L << 20)]
    [InlineData("Container", "PodmanArgs", "--rm --memory=1g", Gib)]
    [InlineData("Container", "PodmanArgs", "-m 64M --memory 128m", 64L << 20)]
    [InlineData("Container", "PodmanArgs", "--memory", null)]
    [InlineData("Container", "PodmanArgs", "--memory=99999999999999999999g", null)]
    [InlineData("Container", "Memory", "much", null)]
    public void Workloads_HoweverTheLimitIsWritten_AreCounted(string section, string key, string value, long? bytes)
    {
        var environment = Manifest(Manifests((section, key, value)));

        var limits = WorkloadLimits.Of(environment.Workloads, Machine(8, 4));

        Assert.Equal((bytes ?? 0, bytes is null ? 1 : 0), (limits.MemoryMax, limits.Unlimited));
    }

    [Fact]
    public void Parse_Reserve_IsReadAndEverythingWrongWithItIsTold()
    {
        var parsed = FleetParser.Parse(Fleet(new("25%", "1.5", "512")));
        var bad = FleetParser.Parse(Fleet(new("100%", "-1", "infinity")));
        var worse = FleetParser.Parse(Fleet(new("infinity", "1.2345", "many")));

        Assert.Equal(new AsilReserve(new ResourceValue.Percent(2500), 1500, new ResourceValue.Count(512)), parsed.Value!.AsilReserve);
        Assert.Equal(
            [
                "spec.asilReserve.memory: 100% leaves QM nothing; expected less than 100%",
                "spec.asilReserve.cpus: \"-1\" is no number of CPUs; expected such as 1 or 1.5, at most 1024 and with at most 3 decimals",
                "spec.asilReserve.tasks: \"infinity\" is no amount; expected a number, such as 512, or a share such as 25%",
            ],
            bad.Problems.Select(problem => problem.ToString()));
        Assert.Equal(["spec.asilReserve.memory", "spec.asilReserve.cpus", "spec.asilReserve.tasks"], worse.Problems.Select(problem => problem.Path));
        Assert.Equal(AsilReserve.Default with { MilliCpus = 1000 }, FleetParser.Parse(Fleet(new("", "1", "0"))).Value!.AsilReserve);
        Assert.Null(FleetParser.Parse(Fleet(null)).Value!.AsilReserve);
    }

    // What is kept lands on no node, so it makes no revision.
    [Fact]
    [Trait("Requirement", "QMF-CORE-005")]
    public void Hash_OfAFleetWithAReserve_IsThatOfOneWithout() => Assert.Equal(
        Canonical.Hash(FleetParser.Parse(Fleet(null)).Value!.Environment), Canonical.Hash(FleetParser.Parse(Fleet(new("4G", "2", "10%"))).Value!.Environment));

    [Fact]
    [Trait("Requirement", "QMF-PLAN-004")]
    public void Make_PromisedTwice_IsToldOfEachResourceAndNode()
    {
        var fleet = FleetParser.Parse(Fleet(new("2G", "1", "200"), Manifests(("Service", "MemoryMax", "4G")) with
        {
            Resources = new Dictionary<string, string> { ["MemoryMax"] = "3G", ["MemoryMin"] = "2560M", ["TasksMax"] = "900" },
        })).Value!;

        var plan = FleetPlanner.Make(fleet, "", null, new("", "22222222", RolloutPhase.Progressing), [Node(fleet, "ecu1", 4, 2), Node(fleet, "ecu2", 4, 4), Node(fleet, "ecu3", 16, 8)], Now);

        Assert.Equal(
            [
                "QMF-W004 MemoryMax 3G and 2G for the rest of the node are more than the 4G it has: ecu1, ecu2",
                "QMF-W020 QM may use 2 CPUs, and 1 are kept for safety software: more than the 2 it has; CPUQuota or AllowedCPUs bounds them: ecu1",
                "QMF-W020 QM may use 4 CPUs, and 1 are kept for safety software: more than the 4 it has; CPUQuota or AllowedCPUs bounds them: ecu2",
                "QMF-W020 QM may use 8 CPUs, and 1 are kept for safety software: more than the 8 it has; CPUQuota or AllowedCPUs bounds them: ecu3",
                "QMF-W021 QM may have 900 tasks, and 200 are kept for safety software: more than the 1000 it grants; TasksMax bounds them: ecu1, ecu2, ecu3",
                "QMF-W022 MemoryMin 2560M is never reclaimed from QM, so of the 4G it has less than the 2G kept for safety software may be left: ecu1, ecu2",
                "QMF-W023 workload radio may take 4G, and QM as a whole 3G, so its own limit is never reached: ecu1, ecu2, ecu3",
                "QMF-W024 the limits of the workloads come to 4G, and QM may take 3G: when all take what they may, QM's limit kills before theirs: ecu1, ecu2, ecu3",
            ],
            plan.Findings.Select(finding => $"{finding}: {string.Join(", ", finding.Nodes)}"));
        Assert.Equal([["ecu1"], ["ecu2"], ["ecu3"]], plan.Capacity.Select(kind => kind.Nodes.ToArray()));
        Assert.Equal(-Gib, plan.Capacity[0].Capacity.Memory.Free);
    }

    [Fact]
    public void Of_AnyLimits_FreeIsWhatNobodyWasPromised() => Gen.Select(Gen.Long[0, 64], Gen.Int[0, 200], Gen.Long[0, 80], Gen.Bool).Sample((has, percent, max, isUnlimited) =>
    {
        var share = new CapacityShare(has * Gib, has * percent * (Gib / 100), isUnlimited ? null : max * Gib);
        return has == 0 ? share.Free == 0 : share.Free + share.Reserve + Math.Min(share.Declared ?? share.Has, share.Has) == share.Has;
    });

    private static NodeCapacity Of(MachineFacts machine, AsilReserveManifest? reserve, params (string Key, string Value)[] resources)
    {
        var parsed = FleetParser.Parse(Fleet(reserve, Samples.Environment with { Resources = resources.ToDictionary(limit => limit.Key, limit => limit.Value) }));
        Assert.Empty(parsed.Problems);
        return NodeCapacity.Of(parsed.Value!.Environment, parsed.Value.AsilReserve ?? AsilReserve.Default, machine);
    }

    private static FleetManifest Fleet(AsilReserveManifest? reserve, EnvironmentManifest? environment = null) =>
        new() { Name = "cockpit", Selector = "zone=cockpit", Environment = environment ?? Samples.Environment, AsilReserve = reserve };

    private static FleetEnvironment Manifest(EnvironmentManifest environment)
    {
        var parsed = FleetParser.Parse(Fleet(null, environment));
        Assert.Empty(parsed.Problems);
        return parsed.Value!.Environment;
    }

    private static EnvironmentManifest Manifests((string Section, string Key, string Value) entry) => Samples.Environment with
    {
        Workloads =
        [
            new()
            {
                Name = "radio",
                Quadlet = new[] { entry, ("Container", "Image", "localhost/radio:1") }.GroupBy(one => one.Item1).ToDictionary(
                    section => section.Key,
                    IReadOnlyDictionary<string, IReadOnlyList<string>> (section) => section.ToDictionary(one => one.Item2, IReadOnlyList<string> (one) => [one.Item3])),
            },
        ],
    };

    private static MachineFacts Machine(int gibibytes, int cpus)
    {
        Assert.True(CpuSet.TryParse($"0-{cpus - 1}", out var online));
        return new(gibibytes * Gib, 1000, online);
    }

    private static PlannedNode Node(FleetSpec fleet, string name, int gibibytes, int cpus)
    {
        var view = new ModelNode().View(Core.Revisions.RevisionRenderer.Render("22222222", fleet.Environment, name), new()) with { Name = name };
        return new(
            view with { Evidence = view.Evidence! with { Machine = Machine(gibibytes, cpus) } },
            new() { Labels = new Dictionary<string, string>(), Availability = Availability.Down }, null, []);
    }
}

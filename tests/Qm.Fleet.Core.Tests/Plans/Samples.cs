using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Plans;

/// <summary>Fleets that plans are made for.</summary>
internal static class Samples
{
    internal static EnvironmentManifest Environment { get; } = new()
    {
        RootfsPreinstalled = true,
        Resources = new Dictionary<string, string> { ["MemoryHigh"] = "2G", ["CPUWeight"] = "idle" },
        OomQm = 500,
        OomNested = 750,
    };

    internal static WorkloadManifest Workload(string name, string image = "1", params (string Key, string Value)[] more) => new()
    {
        Name = name,
        Quadlet = new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>>
        {
            ["Container"] = more.Append(("Image", $"localhost/{name}:{image}")).GroupBy(entry => entry.Item1, entry => entry.Item2)
                .ToDictionary(entry => entry.Key, IReadOnlyList<string> (entry) => [.. entry]),
            ["Install"] = new Dictionary<string, IReadOnlyList<string>> { ["WantedBy"] = ["default.target"] },
        },
    };

    internal static FleetSpec Fleet(EnvironmentManifest environment, RolloutManifest? rollout = null)
    {
        var parsed = FleetParser.Parse(new() { Name = "cockpit", Selector = "zone=cockpit", Environment = environment, Rollout = rollout ?? new() });
        Assert.Empty(parsed.Problems);
        return parsed.Value!;
    }

    internal static RenderedRevision Revision(EnvironmentManifest environment, string node = "ecu1")
    {
        var spec = Fleet(environment).Environment;
        return RevisionRenderer.Render(Canonical.Hash(spec)[..Canonical.NameLength], spec, node);
    }
}

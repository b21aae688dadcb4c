using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.LoadShedding;

namespace Qm.Fleet.Vm.Tests;

/// <summary>Environments as a manifest gives them, checked by the controller's own parser.</summary>
internal static class Environments
{
    /// <summary>Nothing but what every node of a fleet gets.</summary>
    internal static EnvironmentManifest Plain { get; } = new() { RootfsPreinstalled = true };

    /// <summary>A workload of the image that the build puts beside QM.</summary>
    /// <param name="score">Its OOM score; null for that of the environment.</param>
    /// <param name="stopTimeout">Seconds until it is killed, because it ignores SIGTERM.</param>
    internal static WorkloadManifest Radio(int? score, int stopTimeout = 1) => new()
    {
        Name = "radio",
        OomScoreAdjust = score,
        Quadlet = new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>>
        {
            ["Container"] = new Dictionary<string, IReadOnlyList<string>>
            {
                ["Image"] = ["localhost/radio:1"],
                ["Exec"] = ["/bin/sleep infinity"],
                ["StopTimeout"] = [$"{stopTimeout}"],
            },
        },
    };

    /// <summary>The checked environment.</summary>
    internal static FleetEnvironment Checked(this EnvironmentManifest manifest) => Fleet(manifest).Environment;

    /// <summary>A checked fleet with rules of load shedding.</summary>
    internal static FleetSpec Fleet(EnvironmentManifest environment, params IReadOnlyList<SheddingManifest> rules)
    {
        var parsed = FleetParser.Parse(new() { Name = "cockpit", Selector = "zone=cockpit", Environment = environment, Supervision = new() { LoadShedding = rules } });
        Assert.True(parsed.Value is not null, string.Join("\n", parsed.Problems.Select(problem => $"{problem}")));
        return parsed.Value;
    }
}

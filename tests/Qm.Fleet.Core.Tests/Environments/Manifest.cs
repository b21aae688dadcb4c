using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Core.Tests.Environments;

/// <summary>One valid fleet, of which each test changes what it is about.</summary>
internal static class Manifest
{
    public static FleetManifest Fleet(EnvironmentManifest? environment = null) => new()
    {
        Name = "cockpit",
        Labels = Map(("program", "atlas")),
        Selector = "zone=cockpit",
        Environment = environment ?? Environment(),
    };

    public static EnvironmentManifest Environment() => new()
    {
        RootfsPreinstalled = true,
        Resources = Map(("CPUWeight", "idle"), ("MemoryHigh", "2G"), ("MemoryMax", "3G")),
        OomQm = 500,
        OomNested = 750,
        OomAsil = new Dictionary<string, int> { ["brake-control.service"] = -1000 },
        QmAgent = Map(("ControllerAddress", "unix:path=/run/bluechi/bluechi.sock")),
        Workloads = [Workload("radio")],
    };

    public static WorkloadManifest Workload(string name, int? score = null, params (string Section, string Key, string[] Values)[] entries) => new()
    {
        Name = name,
        OomScoreAdjust = score,
        Quadlet = Quadlet(entries.Length == 0 ? [("Container", "Image", [$"localhost/{name}:3"])] : entries),
    };

    public static Dictionary<string, string> Map(params (string Key, string Value)[] entries) => entries.ToDictionary(entry => entry.Key, entry => entry.Value);

    /// <summary>The problems of a fleet with this environment.</summary>
    public static IReadOnlyList<Problem> Problems(EnvironmentManifest environment) => FleetParser.Parse(Fleet(environment)).Problems;

    /// <summary>The environment, checked; fails the test when it is refused.</summary>
    public static FleetEnvironment Checked(EnvironmentManifest environment) =>
        FleetParser.Parse(Fleet(environment)) is var parsed && parsed.IsValid(out var fleet)
            ? fleet.Environment
            : throw new ArgumentException(string.Join('\n', parsed.Problems), nameof(environment));

    private static Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>> Quadlet((string Section, string Key, string[] Values)[] entries) =>
        entries.GroupBy(entry => entry.Section).ToDictionary(
            section => section.Key,
            IReadOnlyDictionary<string, IReadOnlyList<string>> (section) => section.ToDictionary(entry => entry.Key, IReadOnlyList<string> (entry) => entry.Values));
}

using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Units;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>Units that run until they are stopped or killed, without a file and without a process: what a thousand nodes need to be there at all.</summary>
internal sealed class LightUnits(params string[] names) : IUnitSource
{
    // What would write a file fails there.
    private const string NoRoot = "/dev/null";

    private static readonly MergedUnit File = UnitFileMerger.Merge(UnitFile.Parse("[Service]\nType=simple\nOOMScoreAdjust=500\n", QmNode.Unit), []);

    public Installation Installation { get; } = new(NoRoot, NoRoot);

    /// <summary>A systemd with these units, none of which runs yet.</summary>
    /// <param name="node">BlueChi's node name of the host.</param>
    /// <param name="names">The units.</param>
    internal static EmulatedSystemd Systemd(string node, params string[] names) => new(
        new(node, new(NoRoot), Machine.Default, NodeTimings.Fast, new(NodePrograms.FailingProbesOf(NoRoot)), TimeProvider.System), new LightUnits(names));

    public IReadOnlyList<LoadedUnit> Load() => [.. names.Select(name => new LoadedUnit(name, $"usr/lib/systemd/system/{name}", "", [], File, ResourceControl.Default, WantedAtBoot: false, "static"))];

    public LoadedUnit WriteTransient(string unit, string text) => throw SystemdRefusal.UnitNotFound(unit);

    public void RemoveTransient(string unit) => throw SystemdRefusal.UnitNotFound(unit);

    public IUnitBody Body(string unit) => new NoProcess(unit);

    public void WriteControl(string unit, bool runtime, string file, string assignment) => throw SystemdRefusal.UnitNotFound(unit);

    private sealed class NoProcess(string unit) : IUnitBody
    {
        public string Cgroup { get; } = $"/system.slice/{unit}";

        public bool IsContainer => false;

        public bool IgnoresSigterm => false;

        public int? Start(LoadedUnit loaded, ResourceControl limits) => Environment.ProcessId;

        public void Leave()
        {
        }

        public void Stop()
        {
        }
    }
}

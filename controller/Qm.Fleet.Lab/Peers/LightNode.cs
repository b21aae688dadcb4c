using Qm.Fleet.Core.Units;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Peers;

/// <summary>A node that is a systemd with one unit and nothing else, for tests of numbers: it has no directory, and its unit no process.</summary>
internal static class LightNode
{
    /// <summary>The unit; it begins at once and runs until it is stopped.</summary>
    public const string Unit = "light.service";

    // What would write a file fails there.
    private const string NoRoot = "/dev/null";

    private static readonly MergedUnit File = UnitFileMerger.Merge(UnitFile.Parse("[Unit]\nDescription=Runs until stopped\n[Service]\nType=simple\n", Unit), []);

    /// <summary>Makes the node's systemd.</summary>
    /// <param name="name">The node.</param>
    /// <param name="timings">How long starts and stops take.</param>
    /// <param name="time">The clock.</param>
    public static EmulatedSystemd Create(string name, NodeTimings timings, TimeProvider time) =>
        new(new NodeContext(name, new EmulatedKernel(NoRoot), Machine.Default, timings, new NodeFaults(NodePrograms.FailingProbesOf(NoRoot)), time), new Units());

    private sealed class Units : IUnitSource
    {
        public IReadOnlyList<LoadedUnit> Load() => [new(Unit, $"usr/lib/systemd/system/{Unit}", "", [], File, ResourceControl.Default, WantedAtBoot: false, "static")];

        public Installation Installation { get; } = new(NoRoot, NoRoot);

        public LoadedUnit WriteTransient(string unit, string text) =>
            new(unit, $"run/systemd/transient/{unit}", "", [], UnitFileMerger.Merge(UnitFile.Parse(text, unit), []), ResourceControl.Default, WantedAtBoot: false, LoadedUnit.Transient);

        public void RemoveTransient(string unit)
        {
            // There was never a file.
        }

        public IUnitBody Body(string unit) => new NoProcess(unit);

        public void WriteControl(string unit, bool runtime, string file, string assignment)
        {
            // It is held in memory by the unit itself, and lost with it.
        }
    }

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

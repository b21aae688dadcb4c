namespace Qm.Fleet.Lab.Nodes;

/// <summary>A service with one process.</summary>
/// <param name="kernel">Where the process appears.</param>
/// <param name="unit">The unit.</param>
/// <param name="slice">The cgroup above the unit's, such as <c>/system.slice</c>.</param>
/// <param name="leastOomScore">The score it inherits and cannot go below; null where CAP_SYS_RESOURCE allows any.</param>
/// <param name="innerPids">The process's pids in the namespaces below the host's.</param>
internal sealed class ServiceBody(EmulatedKernel kernel, string unit, string slice, int? leastOomScore, params int[] innerPids) : IUnitBody
{
    public string Cgroup { get; } = $"{slice}/{unit}";

    public bool IsContainer => false;

    public bool IgnoresSigterm => false;

    public int? Start(LoadedUnit loaded, ResourceControl limits)
    {
        kernel.CreateCgroup(Cgroup, limits);
        var score = leastOomScore is { } least ? Math.Max(least, loaded.OomScoreAdjust) : loaded.OomScoreAdjust;
        return kernel.Spawn(Cgroup, Path.GetFileNameWithoutExtension(unit), score, innerPids);
    }

    public void Leave()
    {
    }

    public void Stop() => kernel.RemoveCgroup(Cgroup);
}

namespace Qm.Fleet.Core.OutOfMemory;

/// <summary>How often the kernel has killed for memory in QM, as memory.events says.</summary>
/// <param name="Payload">Name of QM's payload: the counters are of this life of QM, and begin at 0 in the next.</param>
/// <param name="Kills">oom_kill of qm.service: processes killed in QM and in every container of it.</param>
/// <param name="Containers">oom_kill of each container's cgroup; a container that is gone took its counter along.</param>
public sealed record OomCounters(string Payload, long Kills, IReadOnlyDictionary<string, long> Containers);

using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.Core.OutOfMemory;

namespace Qm.Fleet.Agent.OutOfMemory;

/// <summary>Reads memory.events of QM, and of the containers inside it only when QM's tells of something new: it counts everything below.</summary>
internal sealed class OomCounterReader(NodeRoot root)
{
    private const string CgroupRoot = "/sys/fs/cgroup";
    private OomCounters? _last;

    /// <summary>The counters as they are now; null when QM does not run or they cannot be read.</summary>
    public OomCounters? Read()
    {
        var findings = new Findings(root);
        return findings.Part<OomCounters?>("what was killed for memory", null, () => Read(findings));
    }

    private OomCounters? Read(Findings findings)
    {
        // Asked twice a second: whether the payload is still there costs less than which it is.
        if (_last is not null && _last.Kills == Kills(findings, QmCgroups.Service) && findings.Exists($"{QmCgroups.Service}/{_last.Payload}"))
        {
            return _last;
        }

        if (QmCgroups.Payloads(findings).FirstOrDefault() is not { } payload || Kills(findings, QmCgroups.Service) is not { } kills)
        {
            return null;
        }

        var name = payload[(QmCgroups.Service.Length + 1)..];
        if (_last?.Payload != name || _last.Kills != kills)
        {
            _last = new(name, kills, QmCgroups.Below(findings, payload).Where(cgroup => cgroup.IsContainer)
                .Select(cgroup => (Path: cgroup.Path[CgroupRoot.Length..], Kills: Kills(findings, cgroup.Path)))
                .Where(container => container.Kills is not null).ToDictionary(container => container.Path, container => container.Kills!.Value, StringComparer.Ordinal));
        }

        return _last;
    }

    private static long? Kills(Findings findings, string cgroup) => findings.Text($"{cgroup}/memory.events") is { } events
        ? KernelStatistics.FlatKeyed(events).Where(pair => pair.Key == "oom_kill").Select(pair => (long?)pair.Value).FirstOrDefault() : null;
}

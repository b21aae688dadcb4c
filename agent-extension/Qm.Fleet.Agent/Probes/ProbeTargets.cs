using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Probes;

/// <summary>A container inside QM that runs, as found.</summary>
/// <param name="QmInit">Process id of QM's init on the host.</param>
/// <param name="QmPayload">QM's cgroup, from the node's root.</param>
/// <param name="Container">The container's cgroup below it; each start of a container has another one.</param>
internal sealed record ProbeTarget(int QmInit, string QmPayload, string Container)
{
    private const string CgroupRoot = "/sys/fs/cgroup";

    /// <summary>Whether a process is one of QM's.</summary>
    /// <param name="cgroup">Its <c>/proc/PID/cgroup</c>.</param>
    public bool HoldsQmProcess(string cgroup) => cgroup.Split('\n').Any(
        line => line == $"0::{QmPayload[CgroupRoot.Length..]}" || line.StartsWith($"0::{QmPayload[CgroupRoot.Length..]}/", StringComparison.Ordinal));
}

/// <summary>Says which containers inside QM run.</summary>
internal interface IProbeTargets
{
    /// <summary>Those that run now, by their unit; none while QM does not run.</summary>
    IReadOnlyDictionary<string, ProbeTarget> Read();

    /// <summary>Whether a container still runs; one that cannot be looked at does.</summary>
    bool Runs(ProbeTarget target);
}

/// <summary>Finds the containers inside QM by their cgroups.</summary>
internal sealed class ProbeTargets(NodeRoot root) : IProbeTargets
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, ProbeTarget> Read()
    {
        var findings = new Findings(root);
        var targets = new Dictionary<string, ProbeTarget>(StringComparer.Ordinal);
        foreach (var payload in QmCgroups.Payloads(findings))
        {
            var cgroups = QmCgroups.Below(findings, payload).ToArray();
            if (QmInit.Find(findings, payload, cgroups) is not { } init)
            {
                continue;
            }

            foreach (var container in cgroups.Where(cgroup => cgroup.IsContainer))
            {
                targets[container.Unit] = new(init, payload, string.Join('/', container.Names));
            }
        }

        return targets;
    }

    /// <inheritdoc/>
    public bool Runs(ProbeTarget target)
    {
        try
        {
            return root.Exists($"{target.QmPayload}/{target.Container}");
        }
        catch (NodeFileException)
        {
            return true;
        }
    }
}

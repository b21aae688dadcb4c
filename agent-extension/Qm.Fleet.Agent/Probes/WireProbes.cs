using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Units;
using Qm.Fleet.Shared;
using Qm.Fleet.V1;
using LivenessProbe = Qm.Fleet.Core.Environments.LivenessProbe;

namespace Qm.Fleet.Agent.Probes;

/// <summary>A workload that is probed, checked.</summary>
/// <param name="Unit">Its unit inside QM.</param>
/// <param name="Container">Its container's name for podman inside QM; empty when the probe runs no command.</param>
/// <param name="Probe">What is done, and how often.</param>
internal sealed record ProbedWorkload(string Unit, string Container, LivenessProbe Probe);

/// <summary>Reads what the controller asks to be probed, and checks it once more: what is wrong is refused whole.</summary>
internal static class WireProbes
{
    private const string Refused = "InvalidProbe";

    /// <summary>Every workload that is to be probed.</summary>
    /// <exception cref="CommandRefusedException">One is wrong, or they are too many together.</exception>
    public static IReadOnlyList<ProbedWorkload> Read(SetProbes asked)
    {
        List<string> problems = [];
        var workloads = asked.Probes.Select(probe => Read(probe, problems)).OfType<ProbedWorkload>().ToArray();
        problems.AddRange(workloads.GroupBy(workload => workload.Unit).Where(same => same.Count() > 1).Select(same => $"{same.Key} is named more than once"));
        problems.AddRange(LivenessProbeParser.CheckLoad([.. workloads.Select(workload => workload.Probe)]));
        return problems.Count == 0 ? workloads : throw new CommandRefusedException(Refused, $"Nothing else is probed than before: {string.Join("; ", problems.Take(10))}.");
    }

    private static ProbedWorkload? Read(Probe asked, List<string> problems)
    {
        var before = problems.Count;
        if (!UnitName.IsValid(asked.Unit, out var problem) || !asked.Unit.EndsWith(".service", StringComparison.Ordinal))
        {
            problems.Add(problem ?? $"{asked.Unit} is no service");
        }

        var unit = AllowList.Printable(asked.Unit);
        if (asked.LivenessProbe?.Exec is not null && !ContainerName.IsValid(asked.Container))
        {
            problems.Add($"{unit}: \"{AllowList.Printable(asked.Container)}\" is no container's name");
        }

        var parsed = LivenessProbeParser.Parse((asked.LivenessProbe ?? new()).ToManifest(), unit);
        problems.AddRange(parsed.Problems.Select(found => found.ToString()));
        return problems.Count == before && parsed.IsValid(out var probe) ? new(asked.Unit, asked.Container, probe) : null;
    }
}

using System.Collections.Immutable;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks workloads: names, quadlets and scores.</summary>
internal static class WorkloadParser
{
    private static readonly string[] Sections = ["Unit", "Container", "Service", "Install", "Quadlet"];

    internal static ImmutableArray<Workload> Parse(IReadOnlyList<WorkloadManifest> declared, OomScores oom, ProblemList problems, string path)
    {
        var workloads = ImmutableArray.CreateBuilder<Workload>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var index = 0; index < declared.Count; index++)
        {
            var workload = declared[index];
            var at = $"{path}[{index}]";
            problems.Check($"{at}.name", UnitName.IsValidWorkload(workload.Name, out var problem) ? null : problem);
            if (!names.Add(workload.Name) && workload.Name.Length > 0)
            {
                problems.Add($"{at}.name", $"\"{workload.Name}\" is the name of another workload, too");
            }

            CheckScore(workload.OomScoreAdjust, oom, problems, $"{at}.oomScoreAdjust");
            var read = new Workload(workload.Name, ParseQuadlet(workload.Quadlet, problems, $"{at}.quadlet"), workload.OomScoreAdjust);
            workloads.Add(workload.LivenessProbe is { } probe ? read with { LivenessProbe = ParseProbe(read, probe, problems, $"{at}.livenessProbe") } : read);
        }

        foreach (var problem in LivenessProbeParser.CheckLoad([.. workloads.Select(workload => workload.LivenessProbe).OfType<LivenessProbe>()]))
        {
            problems.Add(path, problem);
        }

        workloads.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return workloads.ToImmutable();
    }

    private static LivenessProbe? ParseProbe(Workload workload, LivenessProbeManifest declared, ProblemList problems, string path)
    {
        var probe = LivenessProbeParser.Parse(declared, problems, path);
        if (probe is { Action: ProbeAction.Exec } && !ContainerName.TryGet(workload, out _, out var problem))
        {
            problems.Add($"{path}.exec", problem);
        }

        return probe;
    }

    private static void CheckScore(int? score, OomScores oom, ProblemList problems, string path)
    {
        var qm = oom.Qm ?? OomScore.QmDefault;
        if (score is not { } wanted)
        {
            return;
        }

        if (wanted > OomScore.Highest)
        {
            problems.Add(path, $"{wanted} is above {OomScore.Highest}, the highest score there is", Rules.OomOrder);
        }
        else if (wanted <= qm)
        {
            problems.Add(path, $"{wanted} is not above QM's own score ({qm}); a workload must be killed before QM, and {InheritedScore.NeverGranted}", Rules.OomOrder);
        }
    }

    private static ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, ImmutableArray<string>>> ParseQuadlet(
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>> quadlet, ProblemList problems, string path)
    {
        var container = quadlet.GetValueOrDefault("Container");
        switch (IsSet(container, "Image"), IsSet(container, "Rootfs"))
        {
            case (false, false):
                problems.Add($"{path}.Container", "Image (or Rootfs) is required: without it Podman makes no unit of the file");
                break;
            case (true, true):
                problems.Add($"{path}.Container", "Image and Rootfs exclude each other: with both Podman makes no unit of the file");
                break;
        }

        foreach (var (section, keys) in quadlet.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            if (!Sections.Contains(section))
            {
                problems.Add($"{path}.{section}", $"not a section of a container quadlet; known are {string.Join(", ", Sections)}");
            }

            foreach (var (key, values) in keys.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                CheckEntry(section, key, values, problems, $"{path}.{section}.{key}");
            }
        }

        return quadlet.ToImmutableSortedDictionary(
            section => section.Key,
            section => section.Value.ToImmutableSortedDictionary(key => key.Key, key => key.Value.Select(value => value.Trim(' ')).ToImmutableArray(), StringComparer.Ordinal),
            StringComparer.Ordinal);
    }

    private static void CheckEntry(string section, string key, IReadOnlyList<string> values, ProblemList problems, string path)
    {
        if (key is not [>= 'A' and <= 'Z' or >= 'a' and <= 'z', ..] || !key.All(character => char.IsAsciiLetterOrDigit(character) || character == '-'))
        {
            problems.Add(path, "a key is made of letters, digits and '-', and begins with a letter");
        }

        if ((section, key) is ("Service", "OOMScoreAdjust"))
        {
            problems.Add(path, "moves conmon, not the container; use the workload's oomScoreAdjust", Rules.OwnedElsewhere);
        }

        if ((section, key) is ("Container", "PodmanArgs") && values.Any(value => value.Contains("--oom-score-adj", StringComparison.Ordinal)))
        {
            problems.Add(path, "--oom-score-adj is written by QM Fleet; use the workload's oomScoreAdjust", Rules.OwnedElsewhere);
        }

        if (values.Any(value => value.Any(char.IsControl) || value.EndsWith('\\')))
        {
            problems.Add(path, "a value holds a control character or ends in a backslash");
        }
    }

    // What counts is the last value: an empty one takes back what stands before it.
    private static bool IsSet(IReadOnlyDictionary<string, IReadOnlyList<string>>? section, string key) =>
        section?.GetValueOrDefault(key) is [.., var last] && !string.IsNullOrWhiteSpace(last);
}

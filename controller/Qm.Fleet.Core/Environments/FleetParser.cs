using System.Globalization;
using Qm.Fleet.Core.LoadShedding;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Selectors;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks Fleets.</summary>
public static class FleetParser
{
    private const string Environment = "spec.environment";
    private const int MaxRevisions = 1000;

    /// <summary>Checks a Fleet; all problems at once.</summary>
    public static Parsed<FleetSpec> Parse(FleetManifest manifest)
    {
        var problems = new ProblemList();
        problems.Check("metadata.name", Labels.IsName(manifest.Name, out var problem) ? null : problem);
        var labels = MetadataParser.ParseLabels(manifest.Labels, problems);
        var selector = ParseSelector(manifest.Selector, problems);
        var rollout = RolloutParser.Parse(manifest.Rollout, problems);
        var supervision = SupervisionParser.Parse(manifest.Supervision, problems);
        var reserve = manifest.AsilReserve is { } kept ? AsilReserveParser.Parse(kept, problems) : null;
        problems.Check("spec.onDelete", manifest.OnDelete is "" or "remove" or "orphan" ? null : $"\"{manifest.OnDelete}\" is neither remove nor orphan");
        problems.Check("spec.revisionHistoryLimit", manifest.RevisionHistoryLimit is >= 0 and <= MaxRevisions ? null : string.Create(CultureInfo.InvariantCulture, $"{manifest.RevisionHistoryLimit} is not from 1 to {MaxRevisions}"));
        if (manifest.Environment is not { } declared)
        {
            problems.Add(Environment, "an environment is required");
            return new(null, problems.Found);
        }

        var oom = OomParser.Parse(declared, problems, Environment + ".oom");
        var environment = new FleetEnvironment
        {
            RootfsPreinstalled = declared.RootfsPreinstalled,
            RootfsArchive = RootfsParser.Parse(declared.RootfsArchive, problems, Environment + ".rootfs.archive"),
            Resources = ResourcesParser.Parse(declared, problems, Environment + ".resources"),
            Oom = oom,
            HostAgent = AgentConfParser.ParseHost(declared.HostAgent, problems, Environment + ".bluechi.host"),
            QmAgent = AgentConfParser.ParseQm(declared.QmAgent, problems, Environment + ".bluechi.qm"),
            Drift = ParseDrift(declared.Drift, problems),
            Workloads = WorkloadParser.Parse(declared.Workloads, oom, problems, Environment + ".workloads"),
        };
        supervision = supervision with { LoadShedding = SheddingParser.Parse(manifest.Supervision.LoadShedding, environment, problems) };
        return new(
            selector is null ? null : new(manifest.Name, labels, selector, environment, rollout)
            {
                Supervision = supervision,
                AsilReserve = reserve,
                OnDelete = manifest.OnDelete == "orphan" ? OnDelete.Orphan : OnDelete.Remove,
                RevisionHistoryLimit = manifest.RevisionHistoryLimit == 0 ? FleetSpec.DefaultRevisionHistoryLimit : manifest.RevisionHistoryLimit,
            },
            problems.Found);
    }

    private static LabelSelector? ParseSelector(string text, ProblemList problems)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            problems.Add("spec.selector", "a selector is required, such as zone=cockpit; a fleet that takes every node must name a label that every node carries");
            return null;
        }

        if (LabelSelector.TryParse(text, out var selector, out var found))
        {
            return selector;
        }

        foreach (var problem in found)
        {
            problems.Add("spec.selector", problem);
        }

        return null;
    }

    private static DriftPolicy ParseDrift(string text, ProblemList problems)
    {
        problems.Check(Environment + ".drift", text is "" or "heal" or "report" ? null : $"\"{text}\" is neither heal nor report");
        return text == "report" ? DriftPolicy.Report : DriftPolicy.Heal;
    }
}

using System.Globalization;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>Whether QM and the fleet's containers in it run under the SELinux types their quadlets give them, and owned files have the labels of their places.</summary>
internal static class LabelChecks
{
    private const int TypeField = 2;

    internal static IEnumerable<NodeCheck> Evaluate(RenderedRevision desired, NodeEvidence evidence)
    {
        if (evidence.Labels is not { } labels)
        {
            yield break;
        }

        if (labels.ConfiguredType.Length > 0)
        {
            yield return Judge("qm", labels.ConfiguredType, labels.Qm, evidence.Oom.QmInit);
        }

        foreach (var workload in desired.Environment.Workloads)
        {
            if (labels.Nested.FirstOrDefault(process => process.Unit == workload.Name + ".service") is { } container
                && WantedType(workload, labels.ConfiguredNested) is { Length: > 0 } wanted)
            {
                yield return Judge(workload.Name, wanted, container.Label, container.Pid);
            }
        }

        foreach (var file in labels.Mislabelled)
        {
            yield return new($"SecurityLabel.{file.Path}", file.Wanted, file.Found, file.Path, CheckResult.Fail, "somebody changed the label; the agent extension gave the file its own again");
        }
    }

    // Its own quadlet wins over what Podman inside QM gives every container; one that is to run unconfined is nothing to compare.
    private static string? WantedType(Workload workload, string configured)
    {
        var container = workload.Quadlet.GetValueOrDefault("Container");
        return container is not null && container.ContainsKey("SecurityLabelDisable") ? null
            : container?.GetValueOrDefault("SecurityLabelType") is { IsDefaultOrEmpty: false } own ? own[^1]
            : TypeOf(configured);
    }

    private static NodeCheck Judge(string of, string wanted, string label, int pid)
    {
        var (name, source) = ($"SecurityLabelType.{of}", string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/attr/current"));
        return TypeOf(label) switch
        {
            null => new(name, wanted, "", source, CheckResult.Unreadable, "its label could not be read"),
            var found when found == wanted => new(name, wanted, found, source, CheckResult.Pass, ""),
            var found => new(name, wanted, found, source, CheckResult.Fail, $"it runs as {label}; is the SELinux module of QM installed and the file system labelled?"),
        };
    }

    // user:role:type:level
    private static string? TypeOf(string label) => label.Split(':') is { Length: > TypeField } fields ? fields[TypeField] : null;
}

using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Core.Plans;

/// <summary>One field that differs between two environments.</summary>
/// <param name="Path">Where, below <c>spec.environment</c>.</param>
/// <param name="Before">Its values, without secrets; empty when it is not set.</param>
/// <param name="After">Its values, without secrets; empty when it is not set.</param>
/// <param name="Effect">What putting it in force disrupts on a node that has everything else.</param>
/// <param name="Consequence">A sentence: what becomes of it on a node.</param>
public sealed record FieldChange(string Path, ImmutableArray<string> Before, ImmutableArray<string> After, Disruption Effect, string Consequence);

/// <summary>Compares environments field by field.</summary>
public static class RevisionDiff
{
    /// <summary>Every field that differs, by path.</summary>
    /// <param name="before">What is; null for nothing.</param>
    /// <param name="after">What shall be.</param>
    public static ImmutableArray<FieldChange> Of(FleetEnvironment? before, FleetEnvironment after)
    {
        var (old, wanted) = (Fields(before), Fields(after));
        return
        [
            .. old.Keys.Union(wanted.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
                .Select(path => (Path: path, Before: old.GetValueOrDefault(path, []), After: wanted.GetValueOrDefault(path, [])))
                .Where(field => !field.Before.SequenceEqual(field.After))
                .Select(field => (field.Path, field.Before, field.After, Effect: EffectOf(field.Path, field.After.IsEmpty, after)))
                .Select(field => new FieldChange(
                    field.Path, Shown(field.Path, field.Before), Shown(field.Path, field.After), field.Effect, Consequence(field.Path, field.Effect, Workload(field.Path) is { } workload ? (old.ContainsKey(workload), wanted.ContainsKey(workload)) : default,
                    after.Workloads.Any(workload => workload.LivenessProbe is not null && $"workloads[{workload.Name}]" == Workload(field.Path))))),
        ];
    }

    // Who compares revisions sees that a secret is another, not which.
    private static ImmutableArray<string> Shown(string path, ImmutableArray<string> values) => path == "rootfs.archive.url"
        ? [.. values.Select(static value => new SecretUrl(value).ToString())]
        : [.. values.Select(value => Redactor.RedactValue(path[(path.LastIndexOf('.') + 1)..], value))];

    // workloads[radio] of workloads[radio].quadlet.Container.Image
    private static string? Workload(string path) => path.StartsWith("workloads[", StringComparison.Ordinal) ? path[..(path.IndexOf(']', StringComparison.Ordinal) + 1)] : null;

    private static string Consequence(string path, Disruption effect, (bool Was, bool Is) workload, bool isProbed) => effect switch
    {
        Disruption.Qm => "QM restarts once on each node, and everything in it",
        Disruption.Link => path.StartsWith("bluechi.host.", StringComparison.Ordinal) ? "the host's bluechi-agent restarts, and goes back by itself if the link does not return" : "the bluechi-agent in QM restarts",
        Disruption.Workload => (path, workload) switch
        {
            ("oom.nested", _) => "the workloads without a score of their own restart",
            (_, { Was: false }) => "the workload starts",
            (_, { Is: false }) => "the workload is stopped",
            _ => "the workload restarts",
        },
        _ when IsProbe(path) => isProbed ? "nothing restarts; the workload is probed anew" : "nothing restarts; the workload is probed no more",
        _ when path.StartsWith("resources.", StringComparison.Ordinal) => "takes effect at once, nothing restarts",
        _ when path.StartsWith("oom.asil[", StringComparison.Ordinal) => "nothing restarts; it takes effect at the unit's next start, which is not ours to order",
        _ => path == "oom.qm" ? "nothing restarts; QM keeps its score until it starts next" : "nothing restarts",
    };

    private static Dictionary<string, ImmutableArray<string>> Fields(FleetEnvironment? environment) => environment is null ? [] : Canonical.Fields(environment)
        .Where(field => field is not { Path: "rootfs", Value: "" })
        .GroupBy(field => field.Path, StringComparer.Ordinal)
        .ToDictionary(field => field.Key, field => field.Select(value => value.Value).ToImmutableArray(), StringComparer.Ordinal);

    private static bool IsProbe(string path) => path.StartsWith("workloads[", StringComparison.Ordinal) && path.Contains("].livenessProbe.", StringComparison.Ordinal);

    private static Disruption EffectOf(string path, bool isGone, FleetEnvironment after) => path.Split('.', '[')[0] switch
    {
        "bluechi" => Disruption.Link,
        "workloads" => IsProbe(path) ? Disruption.None : Disruption.Workload,
        // Where the archive comes from is no part of what runs.
        "rootfs" => path is "rootfs.archive.url" || (after.RootfsArchive is null && !after.RootfsPreinstalled) ? Disruption.None : Disruption.Qm,
        "oom" when path == "oom.qm" => isGone ? Disruption.None : Disruption.Qm,
        "oom" when path == "oom.nested" => !isGone && after.Workloads.Any(workload => workload.OomScoreAdjust is null) ? Disruption.Workload : Disruption.None,
        _ => Disruption.None,
    };
}

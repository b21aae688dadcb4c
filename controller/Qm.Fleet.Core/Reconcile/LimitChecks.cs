using System.Collections.Immutable;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>Whether the limits of qm.service are in force.</summary>
internal static class LimitChecks
{
    /// <summary>One check for every limit the revision sets.</summary>
    internal static IEnumerable<NodeCheck> Evaluate(RenderedRevision desired, NodeEvidence evidence)
    {
        foreach (var (property, value) in desired.Environment.Resources)
        {
            var found = Compare(property, value, evidence);
            yield return new(property.ToString(), value.ToString(), found.Found, found.Source, found.Result, found.Message);
        }
    }

    /// <summary>Compares one limit with what is in force: the kernel's files, and systemd's word for what it keeps for systemd-oomd.</summary>
    internal static ValueCheck Compare(ResourceProperty property, ResourceValue value, NodeEvidence evidence) =>
        property.IsManagedOom() ? ManagedOom.Compare(property, value, evidence.ManagedOom) : KernelLimits.Compare(property, value, evidence.Cgroup, evidence.Machine);

    /// <summary>What every limit shall be that the revision sets, or that an earlier one set and nobody confirmed since.</summary>
    internal static IEnumerable<KeyValuePair<ResourceProperty, ResourceValue>> Wanted(RenderedRevision desired, NodeEvidence evidence)
    {
        foreach (var property in Enum.GetValues<ResourceProperty>())
        {
            var value = desired.Environment.Resources.GetValueOrDefault(property);
            if (property.IsPerDevice())
            {
                value = Devices(property, value as ResourceValue.Devices, evidence);
            }
            else if (value is null && evidence.RetiredProperties.Contains(property.ToString()))
            {
                value = Own(property, evidence) ?? ResourceValues.DefaultOf(property);
            }

            if (value is not null)
            {
                yield return new(property, value);
            }
        }
    }

    // A device that is no longer limited is told so by the very path that limited it: under another one systemd would keep both.
    private static ResourceValue.Devices? Devices(ResourceProperty property, ResourceValue.Devices? wanted, NodeEvidence evidence)
    {
        var prefix = ResourceProperties.NameOf(property.ToString(), "");
        var limits = (wanted?.Limits.ByPath ?? ImmutableSortedDictionary.Create<string, ulong>(StringComparer.Ordinal)).ToBuilder();
        var own = (Own(property, evidence) as ResourceValue.Devices)?.Limits.ByPath;
        foreach (var path in evidence.RetiredProperties.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..]))
        {
            limits.TryAdd(path, own is not null && own.TryGetValue(path, out var limit) ? limit : DeviceLimits.Infinity);
        }

        return limits.Count == 0 ? null : new(new(limits.ToImmutable()));
    }

    // What the node's own files say.
    private static ResourceValue? Own(ResourceProperty property, NodeEvidence evidence) =>
        evidence.Effective.TryGetValue(property.ToString(), out var text) && ResourceValues.TryParse(property, text, out var value, out _) ? value : null;
}

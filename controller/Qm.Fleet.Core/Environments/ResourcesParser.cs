using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks limits of qm.service.</summary>
internal static class ResourcesParser
{
    // More disks than an ECU has; each is a line of a unit file and a look at the node.
    private const int MostDevices = 16;

    internal static ImmutableSortedDictionary<ResourceProperty, ResourceValue> Parse(EnvironmentManifest declared, ProblemList problems, string path)
    {
        var resources = ImmutableSortedDictionary.CreateBuilder<ResourceProperty, ResourceValue>();
        foreach (var (name, text) in declared.Resources.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            if (Property(name) is not { } property)
            {
                problems.Add($"{path}.{name}", $"not a limit that QM Fleet sets; known are {string.Join(", ", Enum.GetNames<ResourceProperty>())}");
            }
            else if (ResourceValues.TryParse(property, text, out var value, out var problem))
            {
                resources[property] = value;
            }
            else
            {
                problems.Add($"{path}.{name}", problem);
            }
        }

        foreach (var (name, entries) in declared.DeviceResources.Where(entry => entry.Value.Count > 0).OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            if (Property(name) is { } property && property.IsPerDevice())
            {
                resources[property] = new ResourceValue.Devices(Devices(property, entries, problems, $"{path}.{name}"));
            }
            else
            {
                problems.Add($"{path}.{name}", "not a limit that holds for each device by itself");
            }
        }

        CheckOrder(ResourceProperty.MemoryHigh, ResourceProperty.MemoryMax, "QM would be killed before it is throttled");
        CheckOrder(ResourceProperty.MemoryLow, ResourceProperty.MemoryMax, "what is protected could never be used");
        CheckOrder(ResourceProperty.MemoryMin, ResourceProperty.MemoryMax, "what is protected could never be used");
        return resources.ToImmutable();

        void CheckOrder(ResourceProperty lower, ResourceProperty upper, string why)
        {
            // A size and a percentage compare on a node only, which knows how much memory it has.
            var (low, high) = (resources.GetValueOrDefault(lower), resources.GetValueOrDefault(upper));
            if ((low, high) is (ResourceValue.Bytes { Value: var lowBytes }, ResourceValue.Bytes { Value: var highBytes }) && lowBytes > highBytes
                || (low, high) is (ResourceValue.Percent { Permyriad: var lowPart }, ResourceValue.Percent { Permyriad: var highPart }) && lowPart > highPart)
            {
                problems.Add($"{path}.{lower}", $"{low} is above {upper} ({high}); {why}", Rules.LimitOrder);
            }
        }
    }

    private static ResourceProperty? Property(string name) => Enum.TryParse<ResourceProperty>(name, out var property) && property.ToString() == name ? property : null;

    private static DeviceLimits Devices(ResourceProperty property, IReadOnlyList<string> entries, ProblemList problems, string path)
    {
        problems.Check(path, entries.Count <= MostDevices ? null : string.Create(CultureInfo.InvariantCulture, $"{entries.Count} devices are more than the {MostDevices} that can be given"));
        var limits = ImmutableSortedDictionary.CreateBuilder<string, ulong>(StringComparer.Ordinal);
        for (var index = 0; index < entries.Count; index++)
        {
            var at = string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]");
            if (!DeviceLimits.TryParseEntry(property, entries[index], out var device, out var limit, out var problem))
            {
                problems.Add(at, problem);
            }
            else if (!limits.TryAdd(device, limit))
            {
                problems.Add(at, $"{device} stands twice; a device has one {property}");
            }
        }

        return new(limits.ToImmutable());
    }
}

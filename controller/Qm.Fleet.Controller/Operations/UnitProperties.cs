using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Controller.Operations;

/// <summary>Properties that people set on a unit, in the words of systemd.resource-control(5).</summary>
internal static class UnitProperties
{
    /// <summary>How many can be set at once.</summary>
    public const int Most = 16;

    /// <summary>Checks what is asked.</summary>
    /// <param name="asked">By systemd's name.</param>
    /// <param name="problems">Gets everything that is wrong, under <c>properties</c>.</param>
    public static ImmutableSortedDictionary<ResourceProperty, ResourceValue> Read(IReadOnlyDictionary<string, string> asked, ICollection<Problem> problems)
    {
        if (asked.Count is 0 or > Most)
        {
            problems.Add(new("properties", $"{asked.Count} properties; 1 to {Most} can be set at once"));
            return ImmutableSortedDictionary<ResourceProperty, ResourceValue>.Empty;
        }

        var values = ImmutableSortedDictionary.CreateBuilder<ResourceProperty, ResourceValue>();
        foreach (var (name, text) in asked.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
        {
            if (!Enum.TryParse<ResourceProperty>(name, out var property) || property.ToString() != name)
            {
                problems.Add(new($"properties[{name}]", $"not a property that can be set; known are {string.Join(", ", Enum.GetNames<ResourceProperty>())}"));
            }
            else if (ResourceValues.TryParse(property, text, out var value, out var problem))
            {
                values[property] = value;
            }
            else
            {
                problems.Add(new($"properties[{name}]", problem));
            }
        }

        return values.ToImmutable();
    }

    /// <summary>Reads what was stored once it was checked.</summary>
    public static ImmutableSortedDictionary<ResourceProperty, ResourceValue> Stored(IReadOnlyDictionary<string, string> properties) => Read(properties, new List<Problem>());

    /// <summary>Why a value cannot be brought to a node that has told too little of itself; null when it can.</summary>
    public static string? Undetermined(ImmutableSortedDictionary<ResourceProperty, ResourceValue> values, MachineFacts machine)
    {
        var undetermined = values.Where(entry => entry switch
        {
            { Key: ResourceProperty.AllowedCPUs, Value: ResourceValue.Infinity } => machine.Cpus is null,
            { Value: ResourceValue.Percent } => !entry.Key.IsManagedOom() && (entry.Key == ResourceProperty.TasksMax ? machine.TasksMax : machine.MemoryBytes) <= 0,
            _ => false,
        }).Select(static entry => $"{entry.Key}={entry.Value}").ToList();
        return undetermined.Count == 0 ? null : $"{string.Join(", ", undetermined)} is a part of what the machine has, and its agent extension has not told that. Give numbers, or connect it";
    }
}

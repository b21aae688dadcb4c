using Qm.Fleet.BlueChi.Bus;
using System.Collections.Immutable;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>The resource-control settings of one unit as systemd holds them; what the kernel holds stands in the cgroup files.</summary>
internal sealed class ResourceControl
{
    private const string ScaleSuffix = "Scale";
    private readonly ImmutableDictionary<string, ulong> _values;

    private ResourceControl(ImmutableDictionary<string, ulong> values) => _values = values;

    /// <summary>Nothing set.</summary>
    public static ResourceControl Default { get; } = new(ImmutableDictionary<string, ulong>.Empty);

    /// <summary>The value of a D-Bus property, infinity being <see cref="ResourceProperty.Infinity"/>.</summary>
    public ulong this[string name] => _values.GetValueOrDefault(name, ResourceProperty.ByName[name].Default);

    /// <summary>All values as D-Bus properties.</summary>
    public IEnumerable<KeyValuePair<string, BusValue>> Properties =>
        ResourceProperty.ByName.Values.Select(property => KeyValuePair.Create(property.Name, property.ToDBus(this[property.Name])));

    /// <summary>What the kernel's cgroup files hold once these values are applied.</summary>
    public IEnumerable<(string File, string Content)> KernelFiles => ResourceProperty.ByName.Values.SelectMany(property => property.Kernel(this[property.Name]));

    /// <summary>An assignment in a unit file: an empty value resets; one that cannot be read leaves the earlier one, as systemd does.</summary>
    public ResourceControl Assign(string key, string text, Machine machine) =>
        !ResourceProperty.ByKey.TryGetValue(key, out var property) ? this
        : text.Length == 0 ? new(_values.Remove(property.Name))
        : property.Parse(text, machine) is { } value ? new(_values.SetItem(property.Name, value))
        : this;

    /// <summary>A property set over D-Bus, with the drop-in systemd writes for it. Throws <see cref="SystemdRefusal"/>.</summary>
    public (ResourceControl Changed, string File, string Assignment) Set(string name, BusValue value, Machine machine)
    {
        if (name.EndsWith(ScaleSuffix, StringComparison.Ordinal) && ResourceProperty.ByName.TryGetValue(name[..^ScaleSuffix.Length], out var scaled)
            && (scaled.Name.StartsWith("Memory", StringComparison.Ordinal) || scaled.Name == "TasksMax"))
        {
            var share = value is BusValue.UInt32 part ? part.Value / 4_294_967_296.0 : throw SystemdRefusal.WrongType();
            var absolute = scaled.Name == "TasksMax" ? machine.TasksShare(share) : machine.MemoryShare(share);
            return (new(_values.SetItem(scaled.Name, absolute)), $"50-{name}.conf", FormattableString.Invariant($"{scaled.Key}={share:0.##%}"));
        }

        var property = ResourceProperty.ByName.GetValueOrDefault(name) ?? throw SystemdRefusal.ReadOnly(name);
        var number = property.FromDBus(value);
        var assignment = property.Name == "AllowedCPUs" ? $"{property.Key}=\n{property.Key}={property.Format(number)}" : $"{property.Key}={property.Format(number)}";
        return (new(_values.SetItem(name, number)), $"50-{property.Key}.conf", assignment);
    }
}

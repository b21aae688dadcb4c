using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>The resource-control settings of one unit as systemd holds them; what the kernel holds stands in the cgroup files.</summary>
internal sealed record ResourceControl
{
    private const string ScaleSuffix = "Scale", Accounting = "MemoryAccounting";
    private ImmutableDictionary<string, ulong> _values = ImmutableDictionary<string, ulong>.Empty;

    private ResourceControl()
    {
    }

    /// <summary>Nothing set.</summary>
    public static ResourceControl Default { get; } = new();

    /// <summary>Limits of disks.</summary>
    public DiskControl Disks { get; private init; } = DiskControl.None;

    /// <summary>What is meant for systemd-oomd.</summary>
    public OomdControl Oomd { get; private init; } = OomdControl.None;

    /// <summary>The value of a D-Bus property that is a number or a set of CPUs, infinity being <see cref="ResourceProperty.Infinity"/>.</summary>
    public ulong this[string name] => _values.GetValueOrDefault(name, ResourceProperty.ByName[name].Default);

    /// <summary>All values as D-Bus properties.</summary>
    public IEnumerable<KeyValuePair<string, BusValue>> Properties => ResourceProperty.ByName.Values
        .Select(property => KeyValuePair.Create(property.Name, property.ToDBus(this[property.Name]))).Concat(Disks.Properties).Concat(Oomd.Properties);

    /// <summary>What the kernel's cgroup files hold once these values are applied.</summary>
    public IEnumerable<(string File, string Content)> KernelFiles => ResourceProperty.ByName.Values.SelectMany(property => property.Kernel(this[property.Name]));

    /// <summary>Whether setting a property brings everything that systemd holds to the kernel: not what is only meant for systemd-oomd.</summary>
    public static bool ReachesKernel(string name) => !OomdControl.Knows(name);

    /// <summary>An assignment in a unit file: an empty value resets; one that cannot be read leaves the earlier one, as systemd does.</summary>
    public ResourceControl Assign(string key, string text, Machine machine) =>
        DiskControl.IndexOf(key) is >= 0 and var disk ? this with { Disks = Disks.Assign(disk, text) }
        : OomdControl.Knows(key) ? this with { Oomd = Oomd.Assign(key, text) }
        : !ResourceProperty.ByKey.TryGetValue(key, out var property) ? this
        : text.Length == 0 ? this with { _values = _values.Remove(property.Name) }
        : property.Parse(text, machine) is { } value ? this with { _values = _values.SetItem(property.Name, value) }
        : this;

    /// <summary>A property set over D-Bus, with the drop-in systemd writes for it. Throws <see cref="SystemdRefusal"/>.</summary>
    public (ResourceControl Changed, string File, string Assignment) Set(string name, BusValue value, Machine machine)
    {
        var file = $"50-{name}.conf";
        if (DiskControl.IndexOf(name) is >= 0 and var disk)
        {
            var (disks, assignments) = Disks.Set(disk, value);
            return (this with { Disks = disks }, file, assignments);
        }

        if (OomdControl.Knows(name))
        {
            var (oomd, word) = Oomd.Set(name, value);
            return (this with { Oomd = oomd }, file, word);
        }

        if (name == Accounting)
        {
            return value is BusValue.Boolean isOn ? (this, file, $"{name}={(isOn.Value ? "yes" : "no")}") : throw SystemdRefusal.WrongType();
        }

        if (name.EndsWith(ScaleSuffix, StringComparison.Ordinal) && ResourceProperty.ByName.TryGetValue(name[..^ScaleSuffix.Length], out var scaled)
            && (scaled.Name.StartsWith("Memory", StringComparison.Ordinal) || scaled.Name == "TasksMax"))
        {
            var share = value is BusValue.UInt32 part ? part.Value / 4_294_967_296.0 : throw SystemdRefusal.WrongType();
            var absolute = scaled.Name == "TasksMax" ? machine.TasksShare(share) : machine.MemoryShare(share);
            return (this with { _values = _values.SetItem(scaled.Name, absolute) }, file, FormattableString.Invariant($"{scaled.Key}={share:0.##%}"));
        }

        var property = ResourceProperty.ByName.GetValueOrDefault(name) ?? throw SystemdRefusal.ReadOnly(name);
        var number = property.FromDBus(value);
        var assignment = property.Name == "AllowedCPUs" ? $"{property.Key}=\n{property.Key}={property.Format(number)}" : $"{property.Key}={property.Format(number)}";
        return (this with { _values = _values.SetItem(name, number) }, $"50-{property.Key}.conf", assignment);
    }
}

using System.Collections.Immutable;

namespace Qm.Fleet.Core.Units;

/// <summary>Where systemd and Podman's quadlet generator look for the files of a unit of the system, and which of them count.</summary>
/// <remarks>
/// systemd.unit(5), podman-systemd.unit(5). Drop-ins of all directories are one list, ordered by file name: the directory only decides which of
/// two files with the same name is read. On a host with a merged <c>/usr</c>, <c>/lib/systemd/system</c> is <c>/usr/lib/systemd/system</c>.
/// </remarks>
public static class UnitSearch
{
    /// <summary>Where the generator writes the units it makes of quadlets.</summary>
    public const string GeneratorDirectory = "/run/systemd/generator";

    /// <summary>Where <c>systemctl set-property</c> and D-Bus keep what is set for good.</summary>
    public const string ControlDirectory = "/etc/systemd/system.control";

    /// <summary>Where they keep what is set until the next boot.</summary>
    public const string RuntimeControlDirectory = "/run/systemd/system.control";

    /// <summary>Directories of quadlets, the strongest first.</summary>
    public static ImmutableArray<string> QuadletDirectories { get; } = ["/run/containers/systemd", "/etc/containers/systemd", "/usr/share/containers/systemd"];

    /// <summary>Directories of systemd's units, the strongest first.</summary>
    public static ImmutableArray<string> UnitDirectories { get; } =
    [
        ControlDirectory, RuntimeControlDirectory, "/run/systemd/transient", "/run/systemd/generator.early", "/etc/systemd/system",
        "/etc/systemd/system.attached", "/run/systemd/system", "/run/systemd/system.attached", GeneratorDirectory, "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system", "/run/systemd/generator.late",
    ];

    /// <summary>Directories of a unit that are stronger than the generator's: a main file there takes the place of the generated one.</summary>
    public static IEnumerable<string> BeforeGenerator => UnitDirectories.TakeWhile(directory => directory != GeneratorDirectory);

    /// <summary>Directories of a quadlet's drop-ins, the strongest first; in each, the drop-ins of its type come after its own.</summary>
    /// <param name="quadlet">Its file name, such as <c>qm.container</c>.</param>
    public static IEnumerable<string> QuadletDropInDirectories(string quadlet) =>
        QuadletDirectories.SelectMany(directory => OwnNames(quadlet).Append(TypeOf(quadlet)).Select(name => $"{directory}/{name}.d"));

    /// <summary>Directories of a unit's drop-ins, the strongest first; those of its type come after all of its own.</summary>
    /// <param name="unit">Full unit name; no template or instance.</param>
    public static IEnumerable<string> UnitDropInDirectories(string unit) =>
        UnitDirectories.SelectMany(directory => OwnNames(unit).Select(name => $"{directory}/{name}.d"))
            .Concat(UnitDirectories.Select(directory => $"{directory}/{TypeOf(unit)}.d"));

    /// <summary>The drop-ins that are read, in the order in which they are read.</summary>
    /// <param name="paths">Every file of every directory, the strongest directory's first.</param>
    /// <param name="isSystemd">Whether systemd reads them, which leaves out hidden files; Podman does not.</param>
    public static IEnumerable<string> DropInsInForce(IEnumerable<string> paths, bool isSystemd) => paths
        .Where(path => NameOf(path) is var name && name.EndsWith(".conf", StringComparison.Ordinal) && (!isSystemd || name[0] != '.'))
        .DistinctBy(NameOf)
        .OrderBy(NameOf, ByteOrder.Comparer);

    /// <summary>A path's last component.</summary>
    public static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    // foo-bar.service has foo-.service.d, too.
    private static IEnumerable<string> OwnNames(string unit)
    {
        yield return unit;
        var suffix = unit.LastIndexOf('.');
        for (var dash = unit.LastIndexOf('-', suffix); dash > 0; dash = unit.LastIndexOf('-', dash - 1))
        {
            if (dash + 1 < suffix)
            {
                yield return unit[..(dash + 1)] + unit[suffix..];
            }
        }
    }

    private static string TypeOf(string unit) => unit[(unit.LastIndexOf('.') + 1)..];
}

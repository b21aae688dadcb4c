using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Core.Effective;

/// <summary>Whose configuration a setting is. Numbers are those of the wire.</summary>
public enum ConfigurationOf
{
    /// <summary>qm.service on the host, its quadlet included.</summary>
    Unit = 1,

    /// <summary>The BlueChi agent of the host.</summary>
    HostAgent = 2,

    /// <summary>The BlueChi agent inside QM.</summary>
    QmAgent = 3,

    /// <summary>Podman inside QM: containers.conf.</summary>
    Containers = 4,
}

/// <summary>What kind of file a value stands in, the weakest first where they are of one configuration. Numbers are those of the wire.</summary>
public enum ConfigurationLayer
{
    /// <summary>The file that the vendor ships below <c>/usr</c>.</summary>
    Vendor = 1,

    /// <summary>A drop-in below <c>/usr</c>.</summary>
    VendorDropIn = 2,

    /// <summary>A main file in <c>/etc</c> or <c>/run</c>.</summary>
    Main = 3,

    /// <summary>A drop-in of a quadlet or of a configuration file in <c>/etc</c> or <c>/run</c>.</summary>
    DropIn = 4,

    /// <summary>A file that QM Fleet wrote.</summary>
    Fleet = 5,

    /// <summary>The unit that the quadlet generator made: what it adds by itself.</summary>
    Generator = 6,

    /// <summary>A drop-in of qm.service itself, which systemd reads after everything of the quadlet.</summary>
    UnitDropIn = 7,

    /// <summary>Set over D-Bus or by <c>systemctl set-property</c>, for good.</summary>
    Control = 8,

    /// <summary>The same until the next boot; so the controller sets limits.</summary>
    RuntimeControl = 9,
}

/// <summary>Tells layers by where files lie.</summary>
public static class ConfigurationLayers
{
    /// <summary>The layer of a file of qm.service or its quadlet.</summary>
    /// <param name="path">From the node's root.</param>
    /// <param name="isOwned">Whether QM Fleet wrote it.</param>
    public static ConfigurationLayer OfUnit(string path, bool isOwned) => path switch
    {
        _ when isOwned => ConfigurationLayer.Fleet,
        _ when IsBelow(path, UnitSearch.RuntimeControlDirectory) => ConfigurationLayer.RuntimeControl,
        _ when IsBelow(path, UnitSearch.ControlDirectory) => ConfigurationLayer.Control,
        _ when IsBelow(path, UnitSearch.GeneratorDirectory) => ConfigurationLayer.Generator,
        _ when !UnitSearch.QuadletDirectories.Any(directory => IsBelow(path, directory)) => IsDropIn(path) ? ConfigurationLayer.UnitDropIn : ConfigurationLayer.Main,
        _ => OfFile(path, isVendors: IsBelow(path, "/usr"), isOwned),
    };

    /// <summary>The layer of any other file.</summary>
    /// <param name="path">From the node's root.</param>
    /// <param name="isVendors">Whether it is part of an operating system's image.</param>
    /// <param name="isOwned">Whether QM Fleet wrote it.</param>
    public static ConfigurationLayer OfFile(string path, bool isVendors, bool isOwned) => (isVendors, IsDropIn(path)) switch
    {
        _ when isOwned => ConfigurationLayer.Fleet,
        (true, true) => ConfigurationLayer.VendorDropIn,
        (true, false) => ConfigurationLayer.Vendor,
        (false, true) => ConfigurationLayer.DropIn,
        _ => ConfigurationLayer.Main,
    };

    private static bool IsDropIn(string path) => path.LastIndexOf('/') is > 0 and var slash && path.AsSpan(0, slash).EndsWith(".d", StringComparison.Ordinal);

    private static bool IsBelow(string path, string directory) => path.StartsWith(directory + "/", StringComparison.Ordinal);
}

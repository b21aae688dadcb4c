namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>The files of an installed BlueChi that a node needs; nothing of them is kept here.</summary>
/// <param name="Executables">The folder of bluechi-controller and bluechi-agent.</param>
/// <param name="Tools">The folder of bluechi-is-online.</param>
/// <param name="BusPolicies">The folder of the D-Bus policies.</param>
internal sealed record BlueChiInstallation(DirectoryInfo Executables, DirectoryInfo Tools, DirectoryInfo BusPolicies)
{
    /// <summary>Names the folder that BlueChi was installed to: <c>/</c> for a package, <c>DESTDIR</c> or the prefix for a build.</summary>
    internal const string Variable = "QMFLEET_BLUECHI_PREFIX";

    /// <summary>Looks where <see cref="Variable"/> points.</summary>
    /// <returns>The installation, or null and why there is none.</returns>
    internal static (BlueChiInstallation? Found, string WhyNot) Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } prefix)
        {
            return (null, $"{Variable} is not set; it names the folder that BlueChi is installed to");
        }

        BlueChiInstallation[] candidates = [.. new[] { Path.Combine(prefix, "usr"), prefix }.Select(Below)];
        return candidates.FirstOrDefault(candidate => !candidate.Missing.Any()) is { } found
            ? (found, "")
            : (null, $"{Variable}={prefix} holds no whole BlueChi: {string.Join(", ", candidates[0].Missing)} not found");
    }

    private static BlueChiInstallation Below(string root) => new(
        new(Path.Combine(root, "libexec")), new(Path.Combine(root, "bin")), new(Path.Combine(root, "share/dbus-1/system.d")));

    private IEnumerable<string> Missing => new[]
    {
        Path.Combine(Executables.FullName, "bluechi-controller"),
        Path.Combine(Executables.FullName, "bluechi-agent"),
        Path.Combine(Tools.FullName, "bluechi-is-online"),
        Path.Combine(BusPolicies.FullName, "org.eclipse.bluechi.conf"),
        Path.Combine(BusPolicies.FullName, "org.eclipse.bluechi.Agent.conf"),
    }.Where(path => !File.Exists(path));
}

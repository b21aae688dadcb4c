namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>The files of an installed BlueChi that a node needs; nothing of them is kept here.</summary>
/// <param name="Root">What lies below it is as below <c>/usr</c>.</param>
internal sealed record BlueChiInstallation(string Root)
{
    /// <summary>Names the folder that BlueChi was installed to: <c>/</c> for a package, <c>DESTDIR</c> or the prefix for a build.</summary>
    internal const string Variable = "QMFLEET_BLUECHI_PREFIX";

    // Each of them alone: the folders of an installed package hold all of its host.
    private static readonly (string Path, bool IsExecutable)[] Needed =
    [
        ("libexec/bluechi-controller", true),
        ("libexec/bluechi-agent", true),
        ("bin/bluechi-is-online", true),
        ("share/dbus-1/system.d/org.eclipse.bluechi.conf", false),
        ("share/dbus-1/system.d/org.eclipse.bluechi.Agent.conf", false),
    ];

    /// <summary>The files, and the folders of a node that they belong to.</summary>
    internal IEnumerable<(FileInfo Source, DirectoryInfo Target, bool IsExecutable)> Files =>
        Needed.Select(file => (new FileInfo(Path.Combine(Root, file.Path)), new DirectoryInfo(Path.GetDirectoryName($"/usr/{file.Path}")!), file.IsExecutable));

    /// <summary>Why a node could not start it from <c>/usr</c>; null when it can.</summary>
    internal string? WhyNotInANode => File.ReadAllBytes(Path.Combine(Root, Needed[0].Path)).AsSpan().IndexOf("/usr/share/bluechi/"u8) >= 0
        ? null
        : $"{Variable}: this BlueChi was built for another prefix than /usr, where a node has it, and would not find its own files there; build it for /usr and install it with DESTDIR";

    private string[] Missing => [.. Files.Where(file => !file.Source.Exists).Select(file => file.Source.FullName)];

    /// <summary>Looks where <see cref="Variable"/> points.</summary>
    /// <returns>The installation, or null and why there is none.</returns>
    internal static (BlueChiInstallation? Found, string WhyNot) Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } prefix)
        {
            return (null, $"{Variable} is not set; it names the folder that BlueChi is installed to");
        }

        BlueChiInstallation[] candidates = [new(Path.Combine(prefix, "usr")), new(prefix)];
        return candidates.FirstOrDefault(candidate => candidate.Missing.Length == 0) is { } found
            ? (found, "")
            : (null, $"{Variable}={prefix} holds no whole BlueChi: {string.Join(", ", candidates.MinBy(candidate => candidate.Missing.Length)!.Missing)} not found");
    }
}

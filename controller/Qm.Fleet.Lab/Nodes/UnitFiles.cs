using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>How systemd finds the files of units.</summary>
internal static class UnitFiles
{
    /// <summary>The drop-in of the one property that can be set over D-Bus and is none of a service's.</summary>
    public const string Description = "50-Description.conf";

    /// <summary>
    /// The <c>*.conf</c> files of several drop-in directories, merged by file name in C-locale order; where two directories hold the same name the
    /// earlier directory wins.
    /// </summary>
    public static IEnumerable<string> DropIns(IEnumerable<string> directories) => directories.Where(Directory.Exists)
        .SelectMany(directory => Directory.GetFiles(directory, "*.conf")).GroupBy(Path.GetFileName).OrderBy(group => group.Key, StringComparer.Ordinal)
        .Select(group => group.First());

    /// <summary>Reads a file with its drop-ins.</summary>
    public static MergedUnit Merge(string main, IEnumerable<string> dropIns) => UnitFileMerger.Merge(Read(main), dropIns.Select(Read));

    /// <summary>Loads a unit.</summary>
    /// <param name="root">The root its paths are told from.</param>
    /// <param name="fragment">Its main file.</param>
    /// <param name="dropInDirectories">Its drop-in directories, the strongest first.</param>
    /// <param name="machine">What percentages refer to.</param>
    /// <param name="installation">What is started at boot.</param>
    public static LoadedUnit Load(string root, string fragment, IEnumerable<string> dropInDirectories, Machine machine, Installation installation)
    {
        var name = Path.GetFileName(fragment);
        string[] directories = [.. dropInDirectories];
        var dropIns = DropIns(directories).ToArray();
        var read = Found(fragment, directories);
        var text = Merge(fragment, dropIns);
        var limits = text.Entries.Where(entry => entry.Section == "Service")
            .Aggregate(ResourceControl.Default, (limits, entry) => limits.Assign(entry.Key, entry.Value, machine));
        var source = text.Last("Unit", "SourcePath")?.Value ?? "";
        var wantedBy = text.All("Install", "WantedBy").Select(entry => entry.Value);
        var wanted = source.Length > 0 ? wantedBy.Any() : installation.IsEnabled(name);
        var state = Path.GetFileName(Path.GetDirectoryName(fragment)) == LoadedUnit.Transient ? LoadedUnit.Transient
            : source.Length > 0 ? "generated"
            : installation.StateOf(name, wantedBy);
        return new(
            name, Path.GetRelativePath(root, fragment), source.TrimStart('/'), [.. dropIns.Select(path => Path.GetRelativePath(root, path))], text, limits, wanted, state)
        {
            IsStale = () => !Found(fragment, directories).SequenceEqual(read),
        };
    }

    // What systemd looks at before it says whether it has to read a unit again. What it wrote there itself for a property it knows.
    private static (string Path, DateTime Written)[] Found(string fragment, IEnumerable<string> dropInDirectories) =>
        [.. DropIns(dropInDirectories.Where(directory => !directory.Contains("/system.control/", StringComparison.Ordinal))).Prepend(fragment).Select(path => (path, File.GetLastWriteTimeUtc(path)))];

    private static UnitFile Read(string path) => UnitFile.Parse(File.ReadAllText(path), path);

    /// <summary>Writes a unit file and answers where it is.</summary>
    public static string WriteFragment(string directory, string unit, string text)
    {
        Directory.CreateDirectory(directory);
        var fragment = Path.Combine(directory, unit);
        File.WriteAllText(fragment, text);
        return fragment;
    }

    /// <summary>Writes what systemd writes for a property that was set over D-Bus.</summary>
    public static void WriteControl(string directory, string unit, string file, string assignment)
    {
        var dropIns = Path.Combine(directory, $"{unit}.d");
        Directory.CreateDirectory(dropIns);
        File.WriteAllText(Path.Combine(dropIns, file),
            $"# This is a drop-in unit file extension, created via \"systemctl set-property\"\n# or an equivalent operation. Do not edit.\n[{(file == Description ? "Unit" : "Service")}]\n{assignment}\n");
    }
}

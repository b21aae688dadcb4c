namespace Qm.Fleet.Lab.Processes;

/// <summary>Where the project's programs were built.</summary>
internal static class Programs
{
    /// <summary>The controller's command line.</summary>
    /// <exception cref="LabException">It was not built.</exception>
    public static string[] Controller => Beside("qm-fleet-controller");

    /// <summary>The agent extension's command line: what QMFLEET_AGENT names, such as a native one, or beside the lab.</summary>
    /// <exception cref="LabException">It was not built.</exception>
    public static string[] Agent => Named("QMFLEET_AGENT") is { } agent ? [agent] : Beside("qm-fleet-agent");

    /// <summary>The command line client: what QMFLEET_CLI names, such as a native one, beside the lab, or in its own project of the repository the lab was built in.</summary>
    /// <exception cref="LabException">It was not built.</exception>
    public static string Cli => Named("QMFLEET_CLI") ?? new[] { Path.Combine(BaseDirectory, "qmfleet") }.Concat(Above(BaseDirectory)
            .Select(directory => Path.Combine(directory.FullName, "controller/Qm.Fleet.Cli/bin", Configuration, "qmfleet")))
        .FirstOrDefault(program => File.Exists(program) && File.Exists(program + ".dll"))
        ?? throw new LabException("qmfleet is not built; build it: dotnet build controller/Qm.Fleet.Cli");

    /// <summary>The lab's own command line, to run a part of it in another process.</summary>
    public static string[] Lab => Beside("qmfleet-lab");

    private static string BaseDirectory => AppContext.BaseDirectory;

    // The last two directories of a build's output, such as Debug/net10.0.
    private static string Configuration => string.Join('/', Path.TrimEndingDirectorySeparator(BaseDirectory).Split('/')[^2..]);

    private static IEnumerable<DirectoryInfo> Above(string path)
    {
        for (var directory = new DirectoryInfo(path); directory is not null; directory = directory.Parent)
        {
            yield return directory;
        }
    }

    private static string? Named(string variable) => Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } program ? null
        : File.Exists(program) ? program
        : throw new LabException($"{variable} names {program}, which is not there; build it, or unset {variable}.");

    private static string[] Beside(string program)
    {
        var path = Path.Combine(BaseDirectory, program);
        return !File.Exists(path + ".dll") ? throw new LabException($"{program} is not beside the lab in {BaseDirectory}; build the solution first: dotnet build")
            : File.Exists(path) ? [path]
            : ["dotnet", path + ".dll"];
    }
}

namespace Qm.Fleet.Lab.Processes;

/// <summary>Where the project's programs were built.</summary>
internal static class Programs
{
    /// <summary>The controller's command line.</summary>
    /// <exception cref="LabException">It was not built.</exception>
    public static string[] Controller => Beside("qm-fleet-controller");

    /// <summary>The agent extension's command line.</summary>
    /// <exception cref="LabException">It was not built.</exception>
    public static string[] Agent => Beside("qm-fleet-agent");

    /// <summary>The command line client's program.</summary>
    /// <exception cref="LabException">It was not built.</exception>
    public static string Cli => new[] { BaseDirectory, BaseDirectory.Replace("Qm.Fleet.Lab.Tests", "Qm.Fleet.Cli", StringComparison.Ordinal)
            .Replace("Qm.Fleet.EndToEnd", "Qm.Fleet.Cli", StringComparison.Ordinal).Replace("Qm.Fleet.Lab", "Qm.Fleet.Cli", StringComparison.Ordinal)
            .Replace("/tests/Qm.Fleet.Cli", "/controller/Qm.Fleet.Cli", StringComparison.Ordinal) }
        // The build leaves a start-up stub without its program beside everything that is built after it.
        .Select(directory => Path.Combine(directory, "qmfleet")).FirstOrDefault(path => File.Exists(path) && File.Exists(path + ".dll"))
        ?? throw new LabException("qmfleet is not built; build it: dotnet build controller/Qm.Fleet.Cli");

    /// <summary>The lab's own command line, to run a part of it in another process.</summary>
    public static string[] Lab => Beside("qmfleet-lab");

    private static string BaseDirectory => AppContext.BaseDirectory;

    private static string[] Beside(string program)
    {
        var path = Path.Combine(BaseDirectory, program);
        return File.Exists(path) ? [path]
            : File.Exists(path + ".dll") ? ["dotnet", path + ".dll"]
            : throw new LabException($"{program} is not beside the lab in {BaseDirectory}; build the solution first: dotnet build");
    }
}

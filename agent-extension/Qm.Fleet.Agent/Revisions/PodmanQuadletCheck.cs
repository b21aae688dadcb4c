using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Processes;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>
/// Podman's system generator with <c>--dryrun</c> over a private copy of the quadlet. Only this finds a key the installed Podman does not
/// know: a daemon-reload succeeds and qm.service is gone.
/// </summary>
/// <param name="generator">The program.</param>
/// <param name="directory">A directory of the agent's own, made and removed by each check.</param>
/// <param name="time">Times the deadline.</param>
internal sealed class PodmanQuadletCheck(string generator, string directory, TimeProvider time) : IQuadletCheck
{
    private const int MessageLengthMax = 2000;
    private const int OutputBytesMax = 1024 * 1024;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly string[] Generators =
        ["/usr/lib/systemd/system-generators/podman-system-generator", "/usr/libexec/podman/quadlet"];

    /// <summary>The check of this machine, or null when no generator is installed.</summary>
    public static PodmanQuadletCheck? OfThisMachine(string stateDirectory, TimeProvider time) =>
        Array.Find(Generators, File.Exists) is { } generator ? new(generator, $"{stateDirectory}/dry-run", time) : null;

    /// <inheritdoc/>
    public async Task CheckAsync(QuadletSources sources, CancellationToken cancellationToken)
    {
        Remove();
        try
        {
            Write(sources);
            var (units, errors) = await RunAsync(cancellationToken).ConfigureAwait(false);
            if (!units.Contains("---qm.service---", StringComparison.Ordinal))
            {
                throw new CommandRefusedException("QuadletRefused",
                    "With this revision the quadlet generator would no longer make qm.service: " + Shorten(errors.Replace(directory, "", StringComparison.Ordinal)));
            }
        }
        finally
        {
            Remove();
        }
    }

    private void Write(QuadletSources sources)
    {
        var dropIns = Directory.CreateDirectory($"{directory}/{QuadletSources.FileName}.d").FullName;
        File.WriteAllText($"{directory}/{QuadletSources.FileName}", sources.Main.Text);
        foreach (var dropIn in sources.DropIns)
        {
            File.WriteAllText($"{dropIns}/{Path.GetFileName(dropIn.Path)}", dropIn.Text);
        }
    }

    private async Task<(string Units, string Errors)> RunAsync(CancellationToken cancellationToken)
    {
        var call = new ProgramCall(generator, ["--dryrun"], Deadline, OutputBytesMax)
        {
            Environment = new Dictionary<string, string> { ["QUADLET_UNIT_DIRS"] = directory },
        };
        var result = await ProgramRunner.RunAsync(call, time, cancellationToken).ConfigureAwait(false);
        return result.End switch
        {
            ProgramEnd.NotRun => throw new CommandRefusedException("QuadletCheckFailed", $"{result.Errors} Reinstall Podman."),
            ProgramEnd.TimedOut => throw new CommandRefusedException(
                "QuadletCheckFailed", $"{generator} --dryrun did not end within {Deadline.TotalSeconds:0} s; try again."),
            _ => (result.Output, result.Errors),
        };
    }

    private void Remove()
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string Shorten(string text) =>
        text.Trim() is { Length: > 0 } said ? said[..Math.Min(said.Length, MessageLengthMax)] : "it gave no reason.";
}

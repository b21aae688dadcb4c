using System.Collections.Immutable;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Processes;

namespace Qm.Fleet.Agent.Facts;

/// <summary>What the node's programs say of their versions: asked once, and again when the program's file is another.</summary>
/// <param name="programs">The node's.</param>
/// <param name="time">Says when to look at the files again.</param>
internal sealed class ProgramVersions(NodePrograms programs, TimeProvider time)
{
    /// <summary>Programs that are asked with --version.</summary>
    public const string Systemd = "systemctl", Podman = "podman", BlueChiAgent = "bluechi-agent";

    private const int VersionLengthMax = 100;
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    private volatile ImmutableDictionary<string, ProgramVersion> _known = ImmutableDictionary<string, ProgramVersion>.Empty;

    /// <summary>A program's version; null before it was asked.</summary>
    public ProgramVersion? this[string program] => _known.GetValueOrDefault(program);

    /// <summary>Asks, and looks at the files now and then, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await RefreshAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(Interval, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Asks the programs whose file is not the one that was asked.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        foreach (var program in (string[])[Systemd, Podman, BlueChiAgent])
        {
            var file = programs.Find(program) is { } path ? FileIdentity.Of(path) : null;
            if (_known.TryGetValue(program, out var known) && known.File == file)
            {
                continue;
            }

            var result = await programs.RunAsync(new NodeCommand(program, "--version") { Deadline = Deadline, OutputBytesMax = 4096 }, cancellationToken).ConfigureAwait(false);
            _known = _known.SetItem(program, Read(program, file, result));
        }
    }

    private static ProgramVersion Read(string program, FileIdentity? file, ProgramResult result) => result switch
    {
        { Succeeded: true } when Parse(program, result.Output) is { Length: > 0 } version => new(version, "", file),
        { Succeeded: true } => new("", $"{program} --version said nothing.", file),
        { End: ProgramEnd.NotRun } => new("", result.Errors, file),
        // Asked again at the next look.
        { End: ProgramEnd.TimedOut } => new("", FormattableString.Invariant($"{program} --version did not end within {Deadline.TotalSeconds:0} s."), null),
        _ => new("", FormattableString.Invariant($"{program} --version ended with exit code {result.ExitCode}."), file),
    };

    // "systemd 257 (257.13-1.el10)", "podman version 5.4.2", "1.3.0": the name and the word say nothing.
    private static string Parse(string program, string output)
    {
        var words = output.Split('\n', 2)[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .SkipWhile(word => word == program || word is "systemd" or "version").ToArray();
        var text = string.Concat(string.Join(' ', words).Where(letter => !char.IsControl(letter)));
        return text[..Math.Min(text.Length, VersionLengthMax)];
    }
}

/// <summary>What a program said.</summary>
/// <param name="Version">Its version; empty when it is unknown.</param>
/// <param name="Unknown">Why it is unknown, as a sentence; else empty.</param>
/// <param name="File">The file that was asked; null when there was none, or when it is to be asked again.</param>
internal sealed record ProgramVersion(string Version, string Unknown, FileIdentity? File);

using System.Buffers;

namespace Qm.Fleet.Agent.Processes;

/// <summary>The programs of the node, found by name in fixed directories; an emulated node has none.</summary>
/// <param name="directories">Where they lie, the first wins.</param>
/// <param name="time">Times the deadlines.</param>
/// <param name="transientUnit">
/// systemd-run, or null to run everything as a child. The extension's own unit may write nearly nowhere and enter no other namespace, which
/// podman must; as a transient unit it runs beside the extension with rights of its own, and the extension stays as confined as it is.
/// </param>
internal sealed class NodePrograms(IReadOnlyList<string> directories, TimeProvider time, string? transientUnit = null)
{
    private const string SystemdRun = "/usr/bin/systemd-run";
    private static readonly TimeSpan UnitMargin = TimeSpan.FromSeconds(2);
    private static readonly string[] SystemDirectories = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/libexec"];

    /// <summary>Those of this machine.</summary>
    public static NodePrograms OfThisMachine(TimeProvider time) =>
        new(SystemDirectories, time, Directory.Exists("/run/systemd/system") && File.Exists(SystemdRun) ? SystemdRun : null);

    /// <summary>None: the node's root is a directory, so the machine's programs would tell about the machine.</summary>
    public static NodePrograms None(TimeProvider time) => new([], time);

    /// <summary>Where a program lies; null when it is not installed.</summary>
    public string? Find(string program) => directories.Select(directory => $"{directory}/{program}").FirstOrDefault(File.Exists);

    /// <summary>Runs one; a program that is not installed is a result with <see cref="ProgramEnd.NotRun"/>.</summary>
    public Task<ProgramResult> RunAsync(NodeCommand command, CancellationToken cancellationToken)
    {
        if (directories.Count == 0)
        {
            return Task.FromResult(ProgramResult.NotRun($"{command.Program} was not run: this node is emulated in a directory, its programs are not there."));
        }

        if (Find(command.Program) is not { } file)
        {
            return Task.FromResult(ProgramResult.NotRun($"{command.Program} is not installed on this node."));
        }

        var call = new ProgramCall(file, command.Arguments, command.Deadline, command.OutputBytesMax);
        return ProgramRunner.RunAsync(command.NeedsOwnUnit && transientUnit is not null ? InOwnUnit(call, transientUnit) : call, time, cancellationToken);
    }

    // systemd puts variables into the words of a command, as in any unit; a dollar that means itself is doubled.
    private static string Literally(string argument) => argument.Replace("$", "$$", StringComparison.Ordinal);

    // The unit ends itself at the deadline: killing systemd-run would only stop the watching.
    private static ProgramCall InOwnUnit(ProgramCall call, string systemdRun) => call with
    {
        File = systemdRun,
        Arguments =
        [
            "--quiet", "--collect", "--pipe", "--wait", "--service-type=exec",
            FormattableString.Invariant($"--property=RuntimeMaxSec={call.Deadline.TotalSeconds:0}"), "--", call.File, .. call.Arguments.Select(Literally),
        ],
        Deadline = call.Deadline + UnitMargin,
    };
}

/// <summary>A program of the node with its arguments.</summary>
/// <param name="Program">Its name, such as journalctl.</param>
/// <param name="Arguments">One entry an argument.</param>
internal sealed record NodeCommand(string Program, params string[] Arguments)
{
    private static readonly SearchValues<char> Quoted = SearchValues.Create(" &|<>;'\"");

    /// <summary>After this it is killed.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most that is kept of each output.</summary>
    public int OutputBytesMax { get; init; } = 64 * 1024;

    /// <summary>Whether it needs rights that the extension's own unit has not.</summary>
    public bool NeedsOwnUnit => Program == "podman" && Arguments is not ["--version"];

    /// <summary>A command inside QM.</summary>
    public static NodeCommand InQm(params string[] command) => new("podman", ["exec", "qm", .. command]);

    /// <summary>As one would type it.</summary>
    public override string ToString() =>
        string.Join(' ', Arguments.Prepend(Program).Select(word => word.Length == 0 || word.AsSpan().ContainsAny(Quoted) ? $"'{word}'" : word));
}

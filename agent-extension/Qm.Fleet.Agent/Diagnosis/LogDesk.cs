using System.Globalization;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.Core.Units;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>Reads journals for one stream, a few at a time and each bounded, beside whatever else is diagnosed.</summary>
/// <param name="programs">Where journalctl is.</param>
/// <param name="outbox">Where entries go.</param>
internal sealed class LogDesk(NodePrograms programs, Outbox outbox) : IAsyncDisposable
{
    /// <summary>How many are read at a time.</summary>
    public const int ReadingsMax = 4;

    private const int OutputBytesMax = 1024 * 1024;
    private const int LinesMax = 10_000;
    private const int CursorMax = 512;
    private const int ErrorsMax = 500;

    private const string Fields = "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_PID,_SYSTEMD_UNIT";

    // What says why QM does not run, where nobody asks for more.
    private static readonly string[] DefaultUnits = ["--unit=qm.service", "--unit=bluechi-agent.service"];

    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _readings = [];

    /// <summary>Begins to read.</summary>
    /// <exception cref="CommandRefusedException">It makes no sense, or too many are read already.</exception>
    public void Begin(ReadLogs asked)
    {
        var command = Command(asked);
        lock (_lock)
        {
            _readings.RemoveWhere(static reading => reading.IsCompleted);
            if (_readings.Count >= ReadingsMax)
            {
                throw new CommandRefusedException("Busy", FormattableString.Invariant($"{ReadingsMax} logs of this node are being read already; ask again when one has ended."));
            }

            _readings.Add(Task.Run(() => ReadAsync(asked.Id, command), CancellationToken.None));
        }
    }

    /// <summary>Ends what is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        Task[] readings;
        lock (_lock)
        {
            readings = [.. _readings];
        }

        try
        {
            await Task.WhenAll(readings).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The end that was asked for.
        }

        _end.Dispose();
    }

    /// <summary>journalctl as it is asked; nothing of the request is anything but the value of one option.</summary>
    internal static NodeCommand Command(ReadLogs asked)
    {
        if (asked.Unit.Length > 0 && !UnitName.IsValid(asked.Unit, out var problem))
        {
            throw new CommandRefusedException("InvalidUnit", problem);
        }

        if (asked.Lines is < 1 or > LinesMax || asked.AfterCursor.Length > CursorMax || !asked.AfterCursor.All(static character => char.IsAsciiLetterOrDigit(character) || character is '=' or ';' or '-'))
        {
            throw new CommandRefusedException("InvalidLogs", FormattableString.Invariant($"{asked.Lines} lines after \"{AllowList.Printable(asked.AfterCursor)}\" cannot be read; expected 1 to {LinesMax} after a cursor of journald."));
        }

        string[] arguments =
        [
            "--no-pager", "--quiet", "--output=json", Fields,
            .. asked.Unit.Length > 0 ? [$"--unit={asked.Unit}"] : asked.InQm ? [] : DefaultUnits,
            .. asked.SinceUnixMs > 0 ? new[] { string.Create(CultureInfo.InvariantCulture, $"--since=@{asked.SinceUnixMs / 1000}.{asked.SinceUnixMs % 1000:000}") } : [],
            // With a cursor everything after it is read as far as there is room, so that nothing in between is missed.
            asked.AfterCursor.Length > 0 ? $"--after-cursor={asked.AfterCursor}" : string.Create(CultureInfo.InvariantCulture, $"--lines={asked.Lines}"),
        ];
        var command = asked.InQm ? NodeCommand.InQm(["journalctl", .. arguments]) : new NodeCommand("journalctl", arguments);
        return command with { OutputBytesMax = OutputBytesMax, Deadline = TimeSpan.FromSeconds(30) };
    }

    private async Task ReadAsync(string id, NodeCommand command)
    {
        var result = await programs.RunAsync(command, _end.Token).ConfigureAwait(false);
        var (entries, cursor) = JournalEntries.Read(result.Output, result.IsCut);
        var problem = result.Succeeded ? ""
            : result.End == ProgramEnd.NotRun ? result.Errors
            : result.End == ProgramEnd.TimedOut ? $"{command.Program} did not end within {command.Deadline.TotalSeconds:0} s"
            : $"{command.Program} failed: {ForeignText.Fit(result.Errors.Trim(), ErrorsMax)}";
        var (number, piece) = (0L, new Diagnostics());
        foreach (var entry in entries)
        {
            if (piece.Entries.Count > 0 && piece.CalculateSize() + entry.CalculateSize() > DiagnosticsDesk.PieceBytes)
            {
                await SendAsync().ConfigureAwait(false);
                piece = new Diagnostics();
            }

            piece.Entries.Add(entry);
        }

        (piece.Last, piece.Problem, piece.Cursor, piece.More) = (true, problem, cursor, result.IsCut);
        await SendAsync().ConfigureAwait(false);

        Task SendAsync()
        {
            (piece.Id, piece.Number) = (id, ++number);
            return outbox.SendAsync(piece, _end.Token);
        }
    }
}

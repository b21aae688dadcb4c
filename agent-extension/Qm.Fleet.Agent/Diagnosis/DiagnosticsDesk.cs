using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Checks;
using Qm.Fleet.Agent.Effective;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>
/// Takes the commands of one stream that look closely at the node, and works on one at a time beside the stream: commands are answered at
/// once, reports go on, and what is found is sent in pieces as the controller takes them.
/// </summary>
/// <param name="diagnostics">The node's programs and collector.</param>
/// <param name="outbox">Where pieces go.</param>
/// <param name="inspect">Looks at the node.</param>
internal sealed partial class DiagnosticsDesk(
    NodeDiagnostics diagnostics, Outbox outbox, Func<CancellationToken, Task<NodeReport>> inspect) : IAsyncDisposable
{
    /// <summary>The bytes of a piece of a bundle.</summary>
    public const int PieceBytes = 32 * 1024;

    /// <summary>How long a bundle waits for the controller to take more of it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    // A piece in this time is about 1 MiB/s: the link has other things to carry.
    private static readonly TimeSpan PieceInterval = TimeSpan.FromMilliseconds(32);

    private readonly CancellationTokenSource _end = new();
    private readonly LogDesk _logs = new(diagnostics.Programs, outbox);
    private readonly Lock _lock = new();
    private Diagnosis? _current;
    private string _endedId = "";
    private Task _work = Task.CompletedTask;

    /// <summary>Whether a command is for here.</summary>
    public static bool Handles(Command command) => command.ActionCase
        is Command.ActionOneofCase.RunChecks or Command.ActionOneofCase.CollectBundle or Command.ActionOneofCase.ReadEffective
        or Command.ActionOneofCase.ReadUsage or Command.ActionOneofCase.ReadLogs;

    /// <summary>Begins what a command asks for, or lets a bundle go on.</summary>
    /// <returns>Whether it is under way; never how it ends.</returns>
    public CommandResult Begin(Command command)
    {
        try
        {
            if (command.ActionCase == Command.ActionOneofCase.RunChecks)
            {
                var checks = RuntimeChecks.Select(command.RunChecks.Names, command.RunChecks.Disturb);
                Start(new(command.RunChecks.Id, long.MaxValue), diagnosis => RunAsync(diagnosis, checks));
            }
            else if (command.ActionCase == Command.ActionOneofCase.ReadEffective)
            {
                Start(new(command.ReadEffective.Id, long.MaxValue), diagnosis => ReadEffectiveAsync(diagnosis, command.ReadEffective.Key));
            }
            else if (command.ActionCase == Command.ActionOneofCase.ReadLogs)
            {
                _logs.Begin(command.ReadLogs);
            }
            else if (command.ActionCase == Command.ActionOneofCase.ReadUsage)
            {
                Start(new(command.ReadUsage.Id, long.MaxValue), diagnosis => ReadUsageAsync(diagnosis, UsageQuery.Of(command.ReadUsage)));
            }
            else if (!TryGrant(command.CollectBundle))
            {
                Start(new(command.CollectBundle.Id, command.CollectBundle.Until), CollectAsync);
            }

            return new CommandResult { Id = command.Id, Ok = true };
        }
        catch (CommandRefusedException e)
        {
            return new CommandResult { Id = command.Id, Reason = e.Reason, Message = e.Message };
        }
    }

    /// <summary>Ends what is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _logs.DisposeAsync().ConfigureAwait(false);
        try
        {
            await _work.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The end that was asked for.
        }

        _end.Dispose();
    }

    private bool TryGrant(CollectBundle command)
    {
        lock (_lock)
        {
            if (_current is { } current && current.Id == command.Id)
            {
                current.Grant(command.Until);
                return true;
            }

            // What was granted while the last pieces were on their way begins nothing anew.
            return command.Id == _endedId;
        }
    }

    private void Start(Diagnosis diagnosis, Func<Diagnosis, Task> work)
    {
        lock (_lock)
        {
            if (_current is not null)
            {
                throw new CommandRefusedException("Busy", "Another diagnosis runs on this node; ask again when it has ended.");
            }

            _current = diagnosis;
            _work = Task.Run(() => WorkAsync(diagnosis, work), CancellationToken.None);
        }
    }

    private async Task WorkAsync(Diagnosis diagnosis, Func<Diagnosis, Task> work)
    {
        var problem = "";
        try
        {
            await work(diagnosis).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TimeoutException or InvalidDataException)
        {
            Log.Failed(diagnostics.Logger, e.Message);
            problem = e.Message;
        }
        finally
        {
            lock (_lock)
            {
                (_current, _endedId) = (null, diagnosis.Id);
            }
        }

        await SendAsync(diagnosis, new Diagnostics { Last = true, Problem = problem }).ConfigureAwait(false);
    }

    private async Task RunAsync(Diagnosis diagnosis, IReadOnlyList<RuntimeCheck> checks)
    {
        foreach (var check in checks)
        {
            Log.Runs(diagnostics.Logger, check.Id, check.IsDisturbing);
            var result = await check.RunAsync(diagnostics.Programs, _end.Token).ConfigureAwait(false);
            await SendAsync(diagnosis, new Diagnostics { Check = result }).ConfigureAwait(false);
        }
    }

    private async Task ReadEffectiveAsync(Diagnosis diagnosis, string key)
    {
        var report = await inspect(_end.Token).ConfigureAwait(false);
        foreach (var piece in EffectiveWire.Pieces(diagnostics.Effective.Read(report.Files.Select(file => file.Path).ToHashSet(StringComparer.Ordinal)), report, key))
        {
            await SendAsync(diagnosis, piece).ConfigureAwait(false);
        }
    }

    private async Task ReadUsageAsync(Diagnosis diagnosis, UsageQuery query)
    {
        foreach (var piece in UsageWire.Pieces(diagnostics.Usage, query))
        {
            await SendAsync(diagnosis, piece).ConfigureAwait(false);
        }
    }

    private async Task CollectAsync(Diagnosis diagnosis)
    {
        Log.Collects(diagnostics.Logger);
        var stream = new ChunkStream(PieceBytes, (piece, _) => SendBytesAsync(diagnosis, piece));
        await using (stream.ConfigureAwait(false))
        {
            var report = await inspect(_end.Token).ConfigureAwait(false);
            await diagnostics.Collector.WriteAsync(stream, report, _end.Token).ConfigureAwait(false);
            await stream.CompleteAsync(_end.Token).ConfigureAwait(false);
        }
    }

    private async Task SendBytesAsync(Diagnosis diagnosis, ReadOnlyMemory<byte> piece)
    {
        try
        {
            await diagnosis.CreditAsync().WaitAsync(Patience, diagnostics.Time, _end.Token).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"the controller took nothing of the bundle for {Patience.TotalMinutes:0} minutes");
        }

        await SendAsync(diagnosis, new Diagnostics { Data = ByteString.CopyFrom(piece.Span) }).ConfigureAwait(false);
        await Task.Delay(PieceInterval, diagnostics.Time, _end.Token).ConfigureAwait(false);
    }

    private Task SendAsync(Diagnosis diagnosis, Diagnostics piece)
    {
        (piece.Id, piece.Number) = (diagnosis.Id, diagnosis.NextNumber());
        return outbox.SendAsync(piece, _end.Token);
    }

    /// <summary>One diagnosis under way: how much of it was sent, and how much may be.</summary>
    private sealed class Diagnosis(string id, long until)
    {
        private readonly Lock _lock = new();
        private TaskCompletionSource _granted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _until = until;
        private long _sent;

        public string Id => id;

        public long NextNumber() => ++_sent;

        /// <summary>Completes when the next piece may be sent.</summary>
        public async Task CreditAsync()
        {
            while (true)
            {
                Task granted;
                lock (_lock)
                {
                    if (_sent < _until)
                    {
                        return;
                    }

                    granted = _granted.Task;
                }

                await granted.ConfigureAwait(false);
            }
        }

        public void Grant(long more)
        {
            lock (_lock)
            {
                _until = Math.Max(_until, more);
                _granted.TrySetResult();
                _granted = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1140, LogLevel.Information, "Runs the check {Check}, disturbing: {IsDisturbing}", EventName = "CheckRuns")]
        public static partial void Runs(ILogger logger, string check, bool isDisturbing);

        [LoggerMessage(1141, LogLevel.Information, "Collects a diagnostic bundle", EventName = "BundleBegins")]
        public static partial void Collects(ILogger logger);

        [LoggerMessage(1142, LogLevel.Warning, "A diagnosis ended early: {Reason}", EventName = "DiagnosisEndedEarly")]
        public static partial void Failed(ILogger logger, string reason);
    }
}

using System.Collections.Concurrent;
using System.Globalization;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>One open stream of one agent: commands go out one at a time, and results find their command by its id.</summary>
/// <param name="node">BlueChi's node name of the host.</param>
/// <param name="bootId">The node's boot.</param>
/// <param name="write">Sends one message to the agent; called by one caller at a time.</param>
/// <param name="time">Measures deadlines.</param>
internal sealed class AgentLink(
    string node, string bootId, Func<V1.ControllerMessage, CancellationToken, Task> write, TimeProvider time) : IDisposable
{
    /// <summary>How many commands may wait for their turn.</summary>
    public const int MaxWaitingCommands = 16;

    private static readonly TimeSpan TellDeadline = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly CancellationTokenSource _closed = new();
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<string, AgentDiagnosis> _diagnoses = new(StringComparer.Ordinal);
    private (string Id, TaskCompletionSource<V1.CommandResult> Result)? _pending;
    private string _closedBecause = "";
    private long _lastId;
    private int _waiting;
    private int _owed;

    /// <summary>BlueChi's node name of the host.</summary>
    public string Node { get; } = node;

    /// <summary>The node's boot.</summary>
    public string BootId { get; } = bootId;

    /// <summary>Fires when the link shall end or has ended.</summary>
    public CancellationToken Closed => _closed.Token;

    /// <summary>Why the link ended; empty while it is open.</summary>
    public string ClosedBecause
    {
        get
        {
            lock (_gate)
            {
                return _closedBecause;
            }
        }
    }

    /// <summary>The static checks it last told; touched by the link's reader only.</summary>
    public V1.StaticChecks? Checks { get; set; }

    /// <summary>The facts it last told; touched by the link's reader only.</summary>
    public V1.Facts? Facts { get; set; }

    /// <summary>What it told of usage; touched by the link's reader only.</summary>
    public UsageBook Usage { get; } = new();

    /// <summary>What it told of probes; touched by the link's reader only.</summary>
    public ProbeBook Probes { get; } = new();

    /// <summary>Takes a report for one that a command asked for.</summary>
    /// <returns>Whether it may be; each command that was sent makes for one, and for its result.</returns>
    public bool TakeOwed()
    {
        int owed;
        do
        {
            owed = Volatile.Read(ref _owed);
        }
        while (owed > 0 && Interlocked.CompareExchange(ref _owed, owed - 1, owed) != owed);
        return owed > 0;
    }

    /// <summary>Begins to keep what arrives of a diagnosis, until it is disposed.</summary>
    /// <param name="id">As in the command that begins it.</param>
    public AgentDiagnosis Listen(string id)
    {
        AgentDiagnosis diagnosis = null!;
        diagnosis = new(this, time, () => _diagnoses.TryRemove(new(id, diagnosis)));
        _diagnoses[id] = diagnosis;
        return diagnosis;
    }

    /// <summary>Takes a piece of a diagnosis; one that nobody waits for any more is dropped.</summary>
    /// <returns>Whether somebody waits for it.</returns>
    public bool Receive(V1.Diagnostics piece)
    {
        var diagnosis = _diagnoses.GetValueOrDefault(piece.Id);
        diagnosis?.Receive(piece);
        return diagnosis is not null;
    }

    /// <inheritdoc cref="IAgentLinks.SendAsync"/>
    public async Task<V1.CommandResult> SendAsync(V1.Command command, TimeSpan deadline, CancellationToken ct)
    {
        using var timer = new CancellationTokenSource(deadline, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, Closed, ct);
        await TakeTurnAsync(deadline, limit.Token, ct).ConfigureAwait(false);
        try
        {
            var sent = command.Clone();
            sent.Id = (++_lastId).ToString(CultureInfo.InvariantCulture);
            var result = Expect(sent.Id);
            if (Interlocked.Increment(ref _owed) > MaxWaitingCommands)
            {
                Interlocked.Decrement(ref _owed);
            }
            try
            {
                await WriteAsync(new V1.ControllerMessage { Command = sent }, limit.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
            {
                // Half a message may be out: nothing can follow it on this stream.
                Close($"the command could not be written: {e.Message}");
                throw Unknown(sent, ct.IsCancellationRequested ? "the caller gave up while it was written" : ClosedBecause);
            }
            return await result.WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw Unknown(command, ClosedBecause is { Length: > 0 } reason ? reason : $"no result within {deadline.TotalSeconds:0.###} s");
        }
        finally
        {
            Forget();
            _turn.Release();
        }
    }

    /// <summary>Tells the agent something that is no command, and waits for nothing; a link that does not take it in time is closed.</summary>
    public void Tell(V1.ControllerMessage message) => _ = TellAsync(message);

    /// <summary>Hands a result to the command that waits for it.</summary>
    /// <returns>Whether one did; a result that comes after its deadline finds nobody.</returns>
    public bool Complete(V1.CommandResult result)
    {
        lock (_gate)
        {
            return _pending is { } pending && pending.Id == result.Id && pending.Result.TrySetResult(result);
        }
    }

    /// <summary>Ends the link; the command that waits ends with an unknown outcome. Only the first reason counts.</summary>
    public void Close(string reason)
    {
        lock (_gate)
        {
            if (_closedBecause.Length > 0)
            {
                return;
            }
            _closedBecause = reason;
        }
        _closed.Cancel();
    }

    /// <inheritdoc/>
    public void Dispose() => _closed.Dispose();

    private async Task TellAsync(V1.ControllerMessage message)
    {
        try
        {
            using var timer = new CancellationTokenSource(TellDeadline, time);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, Closed);
            await WriteAsync(message, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
        {
            Close($"it could not be written to: {e.Message}");
        }
    }

    // A stream takes one message at a time.
    private async Task WriteAsync(V1.ControllerMessage message, CancellationToken ct)
    {
        await _writing.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            await write(message, ct).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task TakeTurnAsync(TimeSpan deadline, CancellationToken limit, CancellationToken ct)
    {
        try
        {
            if (Interlocked.Increment(ref _waiting) > MaxWaitingCommands)
            {
                throw new AgentUnreachableException(
                    Node, $"{MaxWaitingCommands} commands already wait for {Node}; nothing was sent. Ask again when one has ended.");
            }
            await _turn.WaitAsync(limit).ConfigureAwait(false);
            if (limit.IsCancellationRequested)
            {
                // The turn came with the end: nothing is sent any more.
                _turn.Release();
                limit.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new AgentUnreachableException(Node, ClosedBecause is { Length: > 0 } reason
                ? $"The link to {Node} was lost before the command was sent: {reason}."
                : $"An earlier command on {Node} did not end within {deadline.TotalSeconds:0.###} s; nothing was sent.");
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private Task<V1.CommandResult> Expect(string id)
    {
        var result = new TaskCompletionSource<V1.CommandResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _pending = (id, result);
        }
        return result.Task;
    }

    private void Forget()
    {
        lock (_gate)
        {
            _pending = null;
        }
    }

    private OutcomeUnknownException Unknown(V1.Command command, string why) => new(
        Node, $"Whether {command.ActionCase} had its effect on {Node} is unknown: {why}. The node's next report will tell.");
}

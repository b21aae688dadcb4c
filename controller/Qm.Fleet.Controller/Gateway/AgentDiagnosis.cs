using System.Threading.Channels;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>What arrives on one link of one diagnosis: a bounded queue that the link's reader fills and never waits for.</summary>
internal sealed class AgentDiagnosis : IDisposable
{
    /// <summary>Most pieces that wait; an agent that sends more than it was granted is cut off.</summary>
    public const int Capacity = 64;

    private readonly Channel<V1.Diagnostics> _pieces = Channel.CreateBounded<V1.Diagnostics>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly AgentLink _link;
    private readonly TimeProvider _time;
    private readonly Action _forget;

    /// <param name="link">Where it comes from.</param>
    /// <param name="time">Measures patience.</param>
    /// <param name="forget">Takes it off the link.</param>
    internal AgentDiagnosis(AgentLink link, TimeProvider time, Action forget) => (_link, _time, _forget) = (link, time, forget);

    /// <summary>The next piece.</summary>
    /// <param name="patience">Longest wait for it.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="AgentUnreachableException">The link is lost, or nothing came in time.</exception>
    public async Task<V1.Diagnostics> NextAsync(TimeSpan patience, CancellationToken ct)
    {
        using var timer = new CancellationTokenSource(patience, _time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, _link.Closed, ct);
        try
        {
            return await _pieces.Reader.ReadAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new AgentUnreachableException(_link.Node, _link.ClosedBecause is { Length: > 0 } reason
                ? $"The link to {_link.Node} was lost before everything was told: {reason}. Ask again."
                : $"{_link.Node} told nothing more within {patience.TotalSeconds:0} s. Ask again.");
        }
        catch (ChannelClosedException)
        {
            throw new AgentUnreachableException(_link.Node, $"{_link.Node} sent more than it was asked for, so the rest was dropped.");
        }
    }

    /// <summary>Takes a piece; called by the link's reader.</summary>
    public void Receive(V1.Diagnostics piece)
    {
        if (!_pieces.Writer.TryWrite(piece))
        {
            _pieces.Writer.TryComplete();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _forget();
}

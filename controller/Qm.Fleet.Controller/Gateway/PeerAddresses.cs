using System.Collections.Frozen;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Reconcile;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>Where BlueChi has its nodes. Asked for all of them at once, and not again within a moment: a fleet that comes back must not ask once for each.</summary>
internal sealed partial class PeerAddresses(BlueChiLink blueChi, TimeProvider time, ILogger<PeerAddresses> logger) : IDisposable
{
    private static readonly TimeSpan Lasting = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(3);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private (FrozenDictionary<string, string> Addresses, long At, bool IsRead) _known = (FrozenDictionary<string, string>.Empty, 0, false);

    /// <summary>BlueChi's <c>PeerIp</c> of a node.</summary>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="isFresh">Whether what was heard some seconds ago is too old.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <returns>The address; empty when BlueChi has none, or cannot be asked.</returns>
    public async Task<string> FindAsync(string node, bool isFresh, CancellationToken ct)
    {
        await _turn.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            if (!_known.IsRead || time.GetElapsedTime(_known.At) > (isFresh ? FreshFor : Lasting))
            {
                _known = (await ReadAsync(ct).ConfigureAwait(false), time.GetTimestamp(), true);
            }
            return _known.Addresses.GetValueOrDefault(node, "");
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async Task<FrozenDictionary<string, string>> ReadAsync(CancellationToken ct)
    {
        if (blueChi.Current is not { } current)
        {
            return FrozenDictionary<string, string>.Empty;
        }
        using var late = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        try
        {
            var nodes = await current.ListNodesAsync(either.Token).ConfigureAwait(false);
            return nodes.Where(static node => node.PeerIp.Length > 0).ToFrozenDictionary(static node => node.Name, static node => node.PeerIp, StringComparer.Ordinal);
        }
        catch (Exception e) when (e is BlueChiException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            Log.NotHeard(logger, e.Message);
            return FrozenDictionary<string, string>.Empty;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1253, LogLevel.Warning, "BlueChi did not tell where its nodes are, so nobody can tell whether agent extensions dial in from there: {Reason}", EventName = nameof(NotHeard))]
        public static partial void NotHeard(ILogger logger, string reason);
    }
}

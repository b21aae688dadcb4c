using System.Net;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Enrollment;

namespace Qm.Fleet.Controller.Security;

/// <summary>Asks BlueChi where nodes are connected from.</summary>
internal interface IPeerAddresses
{
    /// <summary>Holds an address against what BlueChi says of a node; that it cannot be asked is an answer, too.</summary>
    /// <param name="node">BlueChi's node name of the host.</param>
    /// <param name="address">Where somebody asks from who wants to be that node; null for a socket of this host.</param>
    /// <param name="ct">Ends the wait.</param>
    Task<PeerReading> OfAsync(string node, IPAddress? address, CancellationToken ct);

    /// <summary>The same for many, with one question to BlueChi.</summary>
    Task<Func<string, IPAddress?, PeerReading>> LookAsync(CancellationToken ct);
}

/// <inheritdoc/>
/// <remarks>Nobody who is unknown makes BlueChi work more than a little: so many questions go on at once, and who comes beside them is not asked about.</remarks>
internal sealed class BlueChiPeers(BlueChiLink blueChi, TimeProvider time) : IPeerAddresses
{
    private const int MostAtOnce = 8;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    private int _asked;

    /// <inheritdoc/>
    public async Task<PeerReading> OfAsync(string node, IPAddress? address, CancellationToken ct)
    {
        try
        {
            return await AskAsync(
                async (current, limit) =>
                {
                    var known = await current.GetNodeAsync(node, limit).ConfigureAwait(false);
                    return PeerReading.Of(node, known.Status == NodeStatus.Online, known.PeerIp, address);
                },
                static reading => reading, ct).ConfigureAwait(false);
        }
        catch (UnknownNodeException)
        {
            return PeerReading.NoSuchNode(node);
        }
    }

    /// <inheritdoc/>
    public Task<Func<string, IPAddress?, PeerReading>> LookAsync(CancellationToken ct) => AskAsync<Func<string, IPAddress?, PeerReading>>(
        async (current, limit) =>
        {
            var known = (await current.ListNodesAsync(limit).ConfigureAwait(false)).ToDictionary(static node => node.Name, StringComparer.Ordinal);
            return (node, address) => known.TryGetValue(node, out var one) ? PeerReading.Of(node, one.Status == NodeStatus.Online, one.PeerIp, address) : PeerReading.NoSuchNode(node);
        },
        static reading => (_, _) => reading, ct);

    private async Task<T> AskAsync<T>(Func<IBlueChi, CancellationToken, Task<T>> ask, Func<PeerReading, T> instead, CancellationToken ct)
    {
        if (blueChi.Current is not { } current)
        {
            return instead(PeerReading.NotAsked($"BlueChi cannot be asked: {blueChi.NotConnectedBecause}"));
        }
        try
        {
            if (Interlocked.Increment(ref _asked) > MostAtOnce)
            {
                return instead(PeerReading.NotAsked("BlueChi is asked about others at the moment"));
            }
            using var timer = new CancellationTokenSource(Deadline, time);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, ct);
            return await ask(current, limit.Token).ConfigureAwait(false);
        }
        catch (BlueChiException e) when (e is not UnknownNodeException)
        {
            return instead(PeerReading.NotAsked($"BlueChi cannot be asked: {e.Message.TrimEnd('.')}"));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return instead(PeerReading.NotAsked("BlueChi did not answer in time"));
        }
        finally
        {
            Interlocked.Decrement(ref _asked);
        }
    }
}

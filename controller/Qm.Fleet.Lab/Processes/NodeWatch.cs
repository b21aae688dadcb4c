using System.Collections.Immutable;
using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Lab.Processes;

/// <summary>Follows the nodes as the controller tells them, over <c>NodeService.Watch</c>.</summary>
internal sealed class NodeWatch(ChannelBase channel)
{
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(200);

    /// <summary>Whether the node's agent extension is being heard.</summary>
    public static bool HasExtension(Node node) => Holds(node, "ExtensionConnected");

    /// <summary>Whether a condition of the node holds.</summary>
    public static bool Holds(Node node, string condition) =>
        node.Status?.Conditions.Any(candidate => candidate.Type == condition && candidate.Status == Condition.Types.Status.True) ?? false;

    /// <summary>Whether the node has the revision that is wanted, with every value read back.</summary>
    public static bool HasConverged(Node node) =>
        Holds(node, "Ready") && Holds(node, "Verified") && node.Status.DesiredRevision.Length > 0 && node.Status.Revision == node.Status.DesiredRevision;

    /// <summary>Waits until the nodes are as asked and answers them.</summary>
    /// <param name="reached">Looks at the nodes, by name, after every change.</param>
    /// <param name="deadline">How long to wait.</param>
    /// <param name="what">What is waited for, to end the sentence "not within 60 s:".</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="LabException">The deadline passed; the message tells what the nodes wait for.</exception>
    public async Task<ImmutableSortedDictionary<string, Node>> UntilAsync(
        Func<ImmutableSortedDictionary<string, Node>, bool> reached, TimeSpan deadline, string what, TimeProvider time, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        var nodes = ImmutableSortedDictionary.Create<string, Node>(NaturalOrder.Instance);
        try
        {
            while (true)
            {
                try
                {
                    using var watch = new NodeService.NodeServiceClient(channel).Watch(new WatchNodesRequest(), cancellationToken: either.Token);
                    await foreach (var change in watch.ResponseStream.ReadAllAsync(either.Token).ConfigureAwait(false))
                    {
                        nodes = change switch
                        {
                            { Node: null } => nodes,
                            { Type: ChangeType.Deleted } => nodes.Remove(change.Node.Metadata.Name),
                            _ => nodes.SetItem(change.Node.Metadata.Name, change.Node),
                        };
                        if (reached(nodes))
                        {
                            return nodes;
                        }
                    }
                }
                catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.ResourceExhausted)
                {
                    // The controller restarts, or this reader was too slow: begin with a snapshot again.
                }

                await Task.Delay(Again, time, either.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (late.IsCancellationRequested && (e is OperationCanceledException || e is RpcException { StatusCode: StatusCode.Cancelled }))
        {
            throw new LabException($"not within {deadline.TotalSeconds:0} s: {what}{Reasons(nodes.Values)}", e);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Cancelled)
        {
            throw new OperationCanceledException(e.Message, e, cancellation);
        }
    }

    /// <summary>Waits as <see cref="UntilAsync"/> does for what is no change and so is not told, such as another report that says the same.</summary>
    /// <exception cref="LabException">The deadline passed; the message tells what the nodes wait for.</exception>
    public async Task PollAsync(Func<IReadOnlyCollection<Node>, bool> reached, TimeSpan deadline, string what, TimeProvider time, CancellationToken cancellation)
    {
        var begun = time.GetTimestamp();
        while (true)
        {
            var nodes = await ListAsync(cancellation).ConfigureAwait(false);
            if (reached(nodes))
            {
                return;
            }

            if (time.GetElapsedTime(begun) > deadline)
            {
                throw new LabException($"not within {deadline.TotalSeconds:0} s: {what}{Reasons(nodes)}");
            }

            await Task.Delay(Again, time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<IReadOnlyCollection<Node>> ListAsync(CancellationToken cancellation)
    {
        var nodes = new List<Node>();
        var request = new ListNodesRequest { PageSize = 1000 };
        do
        {
            var page = await new NodeService.NodeServiceClient(channel).ListAsync(request, cancellationToken: cancellation).ConfigureAwait(false);
            nodes.AddRange(page.Nodes);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return nodes;
    }

    private static string Reasons(IEnumerable<Node> nodes)
    {
        const int Most = 20;
        var waiting = nodes.Where(node => !HasConverged(node)).ToArray();
        return string.Concat(waiting.Take(Most).Select(node => $"\n  {node.Metadata.Name}  {node.Status?.Step?.Name ?? "unknown"}: {node.Status?.Step?.Message}"))
            + (waiting.Length > Most ? $"\n  and {waiting.Length - Most} more" : "");
    }
}

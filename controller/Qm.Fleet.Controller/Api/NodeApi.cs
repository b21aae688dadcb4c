using Grpc.Core;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.V1;
using NodeChange = Qm.Fleet.V1.NodeChange;
using NodeSpec = Qm.Fleet.Core.Environments.NodeSpec;

namespace Qm.Fleet.Controller.Api;

/// <summary>Nodes on the wire.</summary>
internal sealed class NodeApi(NodeStore store, ILiveStatus live, ChangeFeed feed) : NodeService.NodeServiceBase
{
    private const int MaxNodes = 10_000;

    public override async Task<ApplyNodesResponse> Apply(ApplyNodesRequest request, ServerCallContext context)
    {
        var changes = await store.ApplyAsync(Check(request), context.Caller().Actor, request.DryRun, context.CancellationToken);
        var response = new ApplyNodesResponse();
        response.Results.AddRange(changes.Select(change => new AppliedNode { Node = change.Node, Result = change.Result }));
        return response;
    }

    public override Task<Node> Get(GetNodeRequest request, ServerCallContext context) =>
        Task.FromResult(Find(request.Name) ?? throw Errors.NotFound("Node", request.Name));

    public override Task<ListNodesResponse> List(ListNodesRequest request, ServerCallContext context)
    {
        var selector = Paging.Selector(request.Selector);
        var (nodes, next) = Paging.Take<Node>(
            (after, limit) => [.. store.List(after, limit).Select(WithStatus)],
            node => node.Metadata.Name, node => Matches(selector, node), request.PageSize, request.PageToken);
        return Task.FromResult(new ListNodesResponse { Nodes = { nodes }, NextPageToken = next });
    }

    public override async Task<Node> Delete(DeleteNodeRequest request, ServerCallContext context) =>
        (await store.DeleteAsync(request.Name, context.Caller().Actor, context.CancellationToken))?.ToWire()
            ?? throw Errors.NotFound("Node", request.Name);

    public override Task Watch(WatchNodesRequest request, IServerStreamWriter<NodeChange> responseStream, ServerCallContext context)
    {
        var selector = Paging.Selector(request.Selector);
        return Watching.RunAsync(
            feed, ResourceKind.Node, () => store.List("", int.MaxValue).Select(WithStatus), Find, node => node.Metadata,
            node => Matches(selector, node), (type, node) => new NodeChange { Type = type, Node = node }, responseStream, context.CancellationToken);
    }

    private List<NodeSpec> Check(ApplyNodesRequest request)
    {
        if (request.Nodes.Count is 0 or > MaxNodes)
        {
            throw Errors.Invalid("nodes", $"{request.Nodes.Count} nodes; expected 1 to {MaxNodes}");
        }

        var problems = new List<(string, Problem)>();
        var specs = new List<NodeSpec>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var index = 0; index < request.Nodes.Count; index++)
        {
            var field = $"nodes[{index}]";
            var parsed = NodeParser.Parse(WireManifests.ToManifest(request.Nodes[index]));
            problems.AddRange(parsed.Problems.Select(problem => (field, problem)));
            if (!parsed.IsValid(out var spec))
            {
                continue;
            }

            specs.Add(spec);
            if (!names.Add(spec.Name))
            {
                problems.Add((field, new("metadata.name", $"\"{spec.Name}\" stands twice in the request")));
            }

            if (!store.HasSite(spec.Site))
            {
                problems.Add((field, new("spec.site", $"site {spec.Site} is not known; known is {NodeParser.DefaultSite}")));
            }
        }

        return problems.Count == 0 ? specs : throw Errors.Invalid(problems);
    }

    private Node? Find(string name) => store.Find(name) is { } row ? WithStatus(row) : null;

    private Node WithStatus(NodeRow row)
    {
        var node = row.ToWire();
        node.Status = live.Node(row.Name);
        return node;
    }

    private static bool Matches(Core.Selectors.LabelSelector selector, Node node) =>
        selector.Matches(node.Metadata.Labels.ToDictionary(StringComparer.Ordinal));
}

using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A NodeService over a list; pages hold two nodes.</summary>
internal sealed class FakeNodes : NodeService.NodeServiceBase
{
    private const int PageSize = 2;

    public List<Node> Stored { get; } = [];

    public List<ApplyNodesRequest> Applies { get; } = [];

    public List<ListNodesRequest> Lists { get; } = [];

    /// <summary>What is wrong with a request; nothing unless a test says otherwise.</summary>
    public Func<ApplyNodesRequest, IEnumerable<(string Field, string Description)>> Violations { get; set; } = _ => [];

    /// <summary>How List ends instead of answering; answers while null.</summary>
    public Func<ServerCallContext, Task<ListNodesResponse>>? OnList { get; set; }

    public override Task<ApplyNodesResponse> Apply(ApplyNodesRequest request, ServerCallContext context)
    {
        Applies.Add(request);
        var violations = Violations(request).ToArray();
        return violations.Length > 0
            ? throw FakeFleets.Invalid(violations)
            : Task.FromResult(new ApplyNodesResponse { Results = { request.Nodes.Select(node => new AppliedNode { Node = node, Result = ApplyResult.Configured }) } });
    }

    public override Task<Node> Get(GetNodeRequest request, ServerCallContext context) => Task.FromResult(Find(request.Name));

    public override Task<ListNodesResponse> List(ListNodesRequest request, ServerCallContext context)
    {
        Lists.Add(request);
        if (OnList is { } other)
        {
            return other(context);
        }

        var from = request.PageToken.Length == 0 ? 0 : int.Parse(request.PageToken, System.Globalization.CultureInfo.InvariantCulture);
        var next = from + PageSize < Stored.Count ? FormattableString.Invariant($"{from + PageSize}") : "";
        return Task.FromResult(new ListNodesResponse { Nodes = { Stored.Skip(from).Take(PageSize) }, NextPageToken = next });
    }

    public override Task<Node> Delete(DeleteNodeRequest request, ServerCallContext context)
    {
        var node = Find(request.Name);
        Stored.Remove(node);
        return Task.FromResult(node);
    }

    private Node Find(string name) =>
        Stored.FirstOrDefault(node => node.Metadata.Name == name) ?? throw new RpcException(new(StatusCode.NotFound, $"Node {name} not found"));
}

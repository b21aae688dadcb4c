using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A NodeService over a list; pages hold two nodes.</summary>
internal sealed class FakeNodes : NodeService.NodeServiceBase
{
    private const int PageSize = 2;

    private readonly Channel<NodeChange?> _changes = Channel.CreateUnbounded<NodeChange?>();

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

    /// <summary>The requests that change a node, or a unit of one, in order.</summary>
    public List<object> Changes { get; } = [];

    public List<WatchNodesRequest> Watches { get; } = [];

    public List<Unit> Units { get; } = [];

    /// <summary>The operation that a unit verb begins.</summary>
    public Operation Begun { get; set; } = new() { Name = "operations/0199", Kind = "RestartUnit", Node = "ecu2", Unit = "radio.service" };

    /// <summary>How the next calls that change something end, instead of being done.</summary>
    public Queue<RpcException> Errors { get; } = new();

    /// <summary>Tells a change to whoever watches now or next.</summary>
    public void Tell(ChangeType type, Node? node, string token = "") => _changes.Writer.TryWrite(new() { Type = type, Node = node, ResumeToken = token });

    /// <summary>Breaks the watch off, as a controller that stops does.</summary>
    public void GoAway() => _changes.Writer.TryWrite(null);

    public override async Task Watch(WatchNodesRequest request, IServerStreamWriter<NodeChange> responseStream, ServerCallContext context)
    {
        Watches.Add(request);
        await foreach (var change in _changes.Reader.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(change ?? throw new RpcException(new(StatusCode.Unavailable, "stopping")));
        }
    }

    public override Task<AppliedNode> Update(UpdateNodeRequest request, ServerCallContext context)
    {
        Note(request);
        var node = Find(request.Node.Metadata.Name);
        node.Metadata.Labels.Clear();
        node.Metadata.Labels.Add(request.Node.Metadata.Labels);
        return Task.FromResult(new AppliedNode { Node = node, Result = ApplyResult.Configured });
    }

    public override Task<Node> Cordon(CordonNodeRequest request, ServerCallContext context) => Decide(request, request.Name);

    public override Task<Node> Uncordon(UncordonNodeRequest request, ServerCallContext context) => Decide(request, request.Name);

    public override Task<Node> Quarantine(QuarantineNodeRequest request, ServerCallContext context) => Decide(request, request.Name);

    public override Task<Node> Release(ReleaseNodeRequest request, ServerCallContext context) => Decide(request, request.Name);

    public override async Task<Node> Retire(RetireNodeRequest request, ServerCallContext context)
    {
        var node = await Decide(request, request.Name);
        if (request.Remove)
        {
            node = node.Clone();
            node.Status.Retiring = new() { Reason = request.Reason, Actor = "admin:ann", Operation = $"operations/retire@{request.Name}/1" };
        }

        return node;
    }

    public override Task<Node> Reenroll(ReenrollNodeRequest request, ServerCallContext context) => Decide(request, request.Name);

    public override Task<ListUnitsResponse> ListUnits(ListUnitsRequest request, ServerCallContext context)
    {
        Find(request.Node);
        return Task.FromResult(new ListUnitsResponse { Units = { Units } });
    }

    public override Task<Operation> RestartQm(RestartQmRequest request, ServerCallContext context) => Begin(request, request.Name);

    public override Task<Operation> StartUnit(StartUnitRequest request, ServerCallContext context) => Begin(request, request.Node);

    public override Task<Operation> StopUnit(StopUnitRequest request, ServerCallContext context) => Begin(request, request.Node);

    public override Task<Operation> RestartUnit(RestartUnitRequest request, ServerCallContext context) => Begin(request, request.Node);

    public override Task<Operation> FreezeUnit(FreezeUnitRequest request, ServerCallContext context) => Begin(request, request.Node);

    public override Task<Operation> ThawUnit(ThawUnitRequest request, ServerCallContext context) => Begin(request, request.Node);

    public override Task<Operation> SetUnitProperties(SetUnitPropertiesRequest request, ServerCallContext context) => Begin(request, request.Node);

    private Task<Node> Decide(object request, string name)
    {
        Note(request);
        return Task.FromResult(Find(name));
    }

    private Task<Operation> Begin(IMessage request, string node)
    {
        Note(request);
        Find(node);
        var operation = Begun.Clone();
        operation.Kind = request.Descriptor.Name[..^"Request".Length];
        operation.Unit = request.Descriptor.FindFieldByName("unit") is { } unit ? (string)unit.Accessor.GetValue(request) : "qm.service";
        return Task.FromResult(operation);
    }

    private void Note(object request)
    {
        Changes.Add(request);
        if (Errors.TryDequeue(out var error))
        {
            throw error;
        }
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

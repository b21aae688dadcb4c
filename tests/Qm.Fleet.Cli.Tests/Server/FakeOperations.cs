using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>An OperationService over a list; each Wait answers with the next state that a test put in, the last one for ever.</summary>
internal sealed class FakeOperations : OperationService.OperationServiceBase
{
    public List<Operation> Stored { get; } = [];

    /// <summary>What Wait answers, one after the other; while there is none, the operation as stored.</summary>
    public Queue<Operation> Next { get; } = new();

    public List<WaitOperationRequest> Waits { get; } = [];

    /// <summary>What happens while somebody waits.</summary>
    public Action OnWait { get; set; } = () => { };

    public List<CancelOperationRequest> Cancels { get; } = [];

    public override Task<Operation> Get(GetOperationRequest request, ServerCallContext context) => Task.FromResult(Find(request.Name));

    public override Task<ListOperationsResponse> List(ListOperationsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListOperationsResponse { Operations = { Stored } });

    public override Task<Operation> Wait(WaitOperationRequest request, ServerCallContext context)
    {
        Waits.Add(request);
        OnWait();
        return Task.FromResult(Next.TryDequeue(out var next) ? next : Find(request.Name));
    }

    public override Task<Operation> Cancel(CancelOperationRequest request, ServerCallContext context)
    {
        Cancels.Add(request);
        var operation = Find(request.Name).Clone();
        operation.CancelRequested = true;
        return Task.FromResult(operation);
    }

    // One that ended while it was begun.
    private static Operation? Retirement(string name) => name.Split('@', '/') is ["operations", "retire", var node, _]
        ? new() { Name = name, Kind = "Retire", Target = $"node/{node}", Node = node, Actor = "admin:ann", Message = "every value was read back as wanted", Done = true }
        : null;

    private Operation Find(string name) =>
        Stored.Find(operation => operation.Name == name) ?? Retirement(name) ?? throw new RpcException(new(StatusCode.NotFound, $"Operation {name} not found"));
}

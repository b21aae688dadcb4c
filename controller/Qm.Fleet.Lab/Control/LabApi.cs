using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.V1;

namespace Qm.Fleet.Lab.Control;

/// <summary>The lab's service: takes requests in, and has the <see cref="FaultInjector"/> do one after another.</summary>
internal sealed class LabApi(FaultInjector injector) : LabService.LabServiceBase, IDisposable
{
    private readonly SemaphoreSlim _one = new(1);

    public override async Task<InjectResponse> Inject(InjectRequest request, ServerCallContext context)
    {
        var problems = FaultRequests.Problems(request);
        var noNode = request.FaultCase is InjectRequest.FaultOneofCase.RestartBluechi ? null : FaultRequests.NodeProblem(request.Node, injector.NodeNames);
        if (problems.Count > 0)
        {
            throw Invalid(noNode is null ? problems : [("node", noNode), .. problems]);
        }

        return noNode is null
            ? await OneAtATimeAsync(async ct => new InjectResponse { Message = await InjectAsync(request, ct).ConfigureAwait(false) }, context.CancellationToken).ConfigureAwait(false)
            : throw new RpcException(new(StatusCode.NotFound, noNode));
    }

    public override Task<ListFaultsResponse> ListFaults(ListFaultsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListFaultsResponse { Faults = { injector.List().Select(ToWire) } });

    public override async Task<ClearFaultsResponse> ClearFaults(ClearFaultsRequest request, ServerCallContext context)
    {
        if (request.Node.Length > 0 && FaultRequests.NodeProblem(request.Node, injector.NodeNames) is { } noNode)
        {
            throw new RpcException(new(StatusCode.NotFound, noNode));
        }

        return await OneAtATimeAsync(async _ => new ClearFaultsResponse
        {
            Cleared = { (await injector.ClearAsync(request.Node.Length == 0 ? null : request.Node).ConfigureAwait(false)).Select(ToWire) },
        }, context.CancellationToken).ConfigureAwait(false);
    }

    public void Dispose() => _one.Dispose();

    private async Task<T> OneAtATimeAsync<T>(Func<CancellationToken, Task<T>> action, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await action(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is InvalidOperationException or SystemdRefusal or Processes.LabException)
        {
            throw new RpcException(new(StatusCode.FailedPrecondition, e.Message));
        }
        finally
        {
            _one.Release();
        }
    }

    // Carries out what was found to be in order, and says what is so now.
    private async Task<string> InjectAsync(InjectRequest request, CancellationToken cancellation)
    {
        var node = request.Node;
        switch (request.FaultCase)
        {
            case InjectRequest.FaultOneofCase.Freeze:
                await injector.FreezeAsync(node).ConfigureAwait(false);
                return $"{node}: BlueChi's agent is stopped; the node stays online, calls time out after {ActiveFault.Text(injector.AgentTimeout)} and are carried out when it goes on";
            case InjectRequest.FaultOneofCase.Thaw:
                await injector.ThawAsync(node).ConfigureAwait(false);
                return $"{node}: BlueChi's agent goes on and carries out what has piled up";
            case InjectRequest.FaultOneofCase.Cut:
                await injector.CutAsync(node, request.Cut.DataInFlight).ConfigureAwait(false);
                return request.Cut.DataInFlight
                    ? $"{node}: cut with data in flight; the node stays online, calls time out after {ActiveFault.Text(injector.AgentTimeout)} and arrive when it heals"
                    : $"{node}: cut; BlueChi says offline, and its jobs are gone without JobRemoved";
            case InjectRequest.FaultOneofCase.Heal:
                await injector.HealAsync(node, request.Heal.Fresh, cancellation).ConfigureAwait(false);
                return request.Heal.Fresh
                    ? $"{node}: healed; the agent is a new one and tells its units again"
                    : $"{node}: healed; the agent survived and tells nothing again";
            case InjectRequest.FaultOneofCase.Delay:
                injector.Delay(node, request.Delay.By.ToTimeSpan());
                return $"{node}: every call takes {ActiveFault.Text(request.Delay.By.ToTimeSpan())} longer";
            case InjectRequest.FaultOneofCase.MergeJobs:
                injector.MergeJobs(node);
                return $"{node}: the next job is folded with another client's; its own JobRemoved never comes";
            case InjectRequest.FaultOneofCase.Flood:
                var flood = request.Flood;
                await injector.FloodAsync(node, flood.Rate, flood.Duration?.ToTimeSpan()).ConfigureAwait(false);
                return FormattableString.Invariant($"{node}: {flood.Rate} signals per second {(flood.Duration is null ? "until it is cleared" : $"for {ActiveFault.Text(flood.Duration.ToTimeSpan())}")}");
            case InjectRequest.FaultOneofCase.Refuse:
                var refusal = new Refusal(FaultRequests.ErrorName(request.Refuse.Error), OrNull(request.Refuse.Unit), OrNull(request.Refuse.Method));
                injector.Refuse(node, refusal);
                return $"{node}: {refusal.Method ?? "every call"}{(refusal.Unit is null ? "" : $" about {refusal.Unit}")} is answered {refusal.Error}";
            case InjectRequest.FaultOneofCase.Slow:
                injector.Slow(node, request.Slow.Unit, request.Slow.By.ToTimeSpan());
                return $"{node}: every operation on {request.Slow.Unit} takes {ActiveFault.Text(request.Slow.By.ToTimeSpan())} longer";
            case InjectRequest.FaultOneofCase.FailStart:
                injector.FailStart(node, request.FailStart.Unit, request.FailStart.Times);
                return FormattableString.Invariant($"{node}: the next {(request.FailStart.Times == 1 ? "start" : $"{request.FailStart.Times} starts")} of {request.FailStart.Unit} will fail");
            case InjectRequest.FaultOneofCase.CrashQm:
                injector.CrashQm(node);
                return $"{node}: QM's init is killed; systemd restarts qm.service";
            case InjectRequest.FaultOneofCase.CrashLoop:
                injector.CrashLoop(node);
                return $"{node}: QM's init is killed after every start";
            case InjectRequest.FaultOneofCase.KillWorkload:
                injector.KillWorkload(node, request.KillWorkload.Name);
                return $"{node}: {request.KillWorkload.Name} is killed and counted as killed for memory";
            case InjectRequest.FaultOneofCase.FailProbe:
                injector.FailProbe(node, request.FailProbe.Name);
                return $"{node}: the command that probes {request.FailProbe.Name} fails";
            case InjectRequest.FaultOneofCase.OutOfMemory:
                return RunOutOfMemory(node, request.OutOfMemory);
            case InjectRequest.FaultOneofCase.Reboot:
                await injector.RebootAsync(node, cancellation).ConfigureAwait(false);
                return $"{node}: has booted again; QM follows";
            case InjectRequest.FaultOneofCase.RestartBluechi:
                var down = request.RestartBluechi.Down?.ToTimeSpan() ?? TimeSpan.Zero;
                _ = injector.RestartBlueChi(request.RestartBluechi.Killed, down);
                return $"bluechi: {(request.RestartBluechi.Killed ? "killed" : "stopped")}{(down > TimeSpan.Zero ? $", back in {ActiveFault.Text(down)}" : ", back at once")}";
            default:
                throw new InvalidOperationException($"{request.FaultCase} is no fault of this lab");
        }
    }

    private string RunOutOfMemory(string node, OutOfMemory fault)
    {
        switch (fault.WhereCase)
        {
            case OutOfMemory.WhereOneofCase.Nested:
                injector.KillWorkload(node, fault.Nested);
                return $"{node}: {fault.Nested} is killed at its own memory limit";
            case OutOfMemory.WhereOneofCase.Qm:
                injector.KillQmAtItsLimit(node);
                return $"{node}: QM's init is killed at the memory limit of qm.service; systemd restarts qm.service";
            default:
                return $"{node}: the machine is out of memory, and {injector.KillForMachine(node)} has the highest score";
        }
    }

    private static string? OrNull(string text) => text.Length == 0 ? null : text;

    private static V1.Fault ToWire(ActiveFault fault) => new() { Node = fault.Node, Name = fault.Name, Detail = fault.Detail };

    private static RpcException Invalid(IReadOnlyList<(string Field, string Problem)> problems)
    {
        var details = new BadRequest { FieldViolations = { problems.Select(problem => new BadRequest.Types.FieldViolation { Field = problem.Field, Description = problem.Problem }) } };
        var sentence = string.Join("; ", problems.Select(problem => $"{problem.Field}: {problem.Problem}"));
        return new Google.Rpc.Status { Code = (int)Code.InvalidArgument, Message = sentence, Details = { Any.Pack(details) } }.ToRpcException();
    }
}

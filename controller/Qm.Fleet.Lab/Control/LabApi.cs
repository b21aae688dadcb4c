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
        var each = FaultRequests.OfEachNode(request, injector.NodeNames);
        (string, string)[] problems =
        [
            .. FaultRequests.NodesProblem(request) is { } badly ? [("nodes", badly)] : Array.Empty<(string, string)>(),
            .. each.SelectMany(FaultRequests.Problems).Distinct(),
        ];
        string[] noNodes = request.FaultCase is InjectRequest.FaultOneofCase.RestartBluechi ? [] : [.. each.Select(one => FaultRequests.NodeProblem(one.Node, injector.NodeNames)).OfType<string>()];
        if (problems.Length > 0)
        {
            throw Invalid([.. noNodes.Select(problem => (request.Nodes.Count > 0 ? "nodes" : "node", problem)), .. problems]);
        }

        return noNodes.Length == 0
            ? await OneAtATimeAsync(async ct => new InjectResponse { Message = await InjectAsync(each, ct).ConfigureAwait(false) }, context.CancellationToken).ConfigureAwait(false)
            : throw new RpcException(new(StatusCode.NotFound, string.Join("; ", noNodes)));
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
        catch (Exception e) when (IsRefusal(e))
        {
            throw new RpcException(new(StatusCode.FailedPrecondition, e.Message));
        }
        finally
        {
            _one.Release();
        }
    }

    private static bool IsRefusal(Exception e) => e is InvalidOperationException or SystemdRefusal or Processes.LabException;

    // On all nodes at once; where one is in no state for it, the others have it all the same, and are told.
    private async Task<string> InjectAsync(IReadOnlyList<InjectRequest> each, CancellationToken cancellation)
    {
        var done = await Task.WhenAll(each.Select(async one =>
        {
            try
            {
                return (one.Node, Message: await InjectAsync(one, cancellation).ConfigureAwait(false), IsDone: true);
            }
            catch (Exception e) when (IsRefusal(e))
            {
                return (one.Node, e.Message, IsDone: false);
            }
        })).ConfigureAwait(false);
        var (begun, refused) = (done.Where(one => one.IsDone).ToArray(), done.Where(one => !one.IsDone).ToArray());
        return refused.Length == 0 ? string.Join('\n', begun.Select(one => one.Message)) : throw new InvalidOperationException(
            string.Join("; ", refused.Select(one => one.Message)) + (begun.Length == 0 ? "" : $"; it is on at {string.Join(", ", begun.Select(one => one.Node))}"));
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
            case InjectRequest.FaultOneofCase.CrashLoop when request.CrashLoop.Name.Length > 0:
                injector.CrashLoop(node, request.CrashLoop.Name);
                return $"{node}: {request.CrashLoop.Name} dies after every start";
            case InjectRequest.FaultOneofCase.CrashLoop:
                injector.CrashLoop(node);
                return $"{node}: QM's init is killed after every start";
            case InjectRequest.FaultOneofCase.KillWorkload:
                injector.KillWorkload(node, request.KillWorkload.Name);
                return $"{node}: {request.KillWorkload.Name} is killed and counted as killed for memory";
            case InjectRequest.FaultOneofCase.FailProbe:
                injector.FailProbe(node, request.FailProbe.Name);
                return $"{node}: the command that probes {request.FailProbe.Name} fails";
            case InjectRequest.FaultOneofCase.KillExtension:
                await injector.KillExtensionAsync(node).ConfigureAwait(false);
                return $"{node}: the agent extension is killed and stays away until lab clear; what runs goes on";
            case InjectRequest.FaultOneofCase.CutCable:
                await injector.CutCableAsync(node).ConfigureAwait(false);
                return $"{node}: its cable is cut; nobody hears it until lab clear, and what runs goes on";
            case InjectRequest.FaultOneofCase.Flap:
                await injector.FlapAsync(node, request.Flap.Every.ToTimeSpan()).ConfigureAwait(false);
                return $"{node}: its link is cut every {ActiveFault.Text(request.Flap.Every.ToTimeSpan())} and healed in between, until lab clear";
            case InjectRequest.FaultOneofCase.FillDisk:
                injector.FillDisk(node);
                return $"{node}: the file system of QM's /var has no room until lab clear";
            case InjectRequest.FaultOneofCase.SetOomScore:
                injector.SetOomScore(node, request.SetOomScore.Name, request.SetOomScore.Score);
                return FormattableString.Invariant($"{node}: {request.SetOomScore.Name} has the OOM score {request.SetOomScore.Score} until it is started again");
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

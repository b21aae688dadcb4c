using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>What people ask of units, over the real controller, the real bus and emulated nodes.</summary>
public sealed class UnitOperationTests
{
    private const string Radio = "radio.service";

    [Fact]
    [Trait("Requirement", "QMF-API-024")]
    [Trait("Requirement", "QMF-API-028")]
    [Trait("Requirement", "QMF-RULE-9")]
    public async Task Workload_ThatPeopleStopStartRestartAndFreeze_DoesSoAndNobodyHealsIt()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml", ("    workloads:\n", """
                workloads:
                  - name: navi
                    quadlet: {Container: {Image: "localhost/navi:1"}, Install: {WantedBy: default.target}}

            """));
        await lab.SettledAsync();
        var nodes = new NodeService.NodeServiceClient(lab.Lab.Channel);

        await DoneAsync(lab, await nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = Radio, Reason = "stuck" }, cancellationToken: FleetLab.Ct));
        var stopped = await DoneAsync(lab, await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = Radio }, cancellationToken: FleetLab.Ct));
        Assert.Contains("stays so until somebody starts it", stopped.Message, StringComparison.Ordinal);
        // Whoever heals what failed beside it has looked at it, too.
        await lab.RunAsync("lab", "fault", "ecu1", "kill-workload", "navi");
        Assert.Equal("navi.service", (await lab.EventsUntilAsync("Healed"))[^1].Unit);
        Assert.NotEqual("active", (await RadioAsync(nodes)).ActiveState);
        await DoneAsync(lab, await nodes.StartUnitAsync(new() { Node = "ecu1", Unit = Radio }, cancellationToken: FleetLab.Ct));
        Assert.Equal(("active", "cockpit"), (await RadioAsync(nodes)) is var running ? (running.ActiveState, running.Fleet) : default);
        await DoneAsync(lab, await nodes.FreezeUnitAsync(new() { Node = "ecu1", Unit = Radio }, cancellationToken: FleetLab.Ct));
        Assert.Equal("frozen", (await RadioAsync(nodes)).FreezerState);
        await DoneAsync(lab, await nodes.ThawUnitAsync(new() { Node = "ecu1", Unit = Radio }, cancellationToken: FleetLab.Ct));
        Assert.Equal("running", (await RadioAsync(nodes)).FreezerState);
        var qm = await DoneAsync(lab, await nodes.RestartQmAsync(new() { Name = "ecu1" }, cancellationToken: FleetLab.Ct));
        Assert.Equal("QM was restarted, and qm.ecu1 answers", qm.Message);
        await lab.ConvergedAsync();

        var events = await lab.EventsAsync();
        Assert.DoesNotContain(events, one => one is { Unit: Radio or "qm.service", Reason: "UnitFailing" or "UnitRestarted" or "QmRestarted" or "Healed" or "Escalated" });
        Assert.Equal(6, events.Count(one => one is { Reason: "OperationEnded", Node: "ecu1" }));
        Assert.EndsWith("RestartUnit: stuck", events.First(one => one.Reason == "OperationBegun").Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-API-025")]
    [Trait("Requirement", "QMF-RULE-6")]
    public async Task WhatIsNotTheirs_IsRefusedWithWhyAndNothingIsCalled()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var nodes = new NodeService.NodeServiceClient(lab.Lab.Channel);

        await RefusedAsync("OUT_OF_REACH", async () => await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = "brake-control.service" }, cancellationToken: FleetLab.Ct));
        await RefusedAsync("OUT_OF_REACH", async () => await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = "qm.service" }, cancellationToken: FleetLab.Ct));
        await RefusedAsync("NOT_FOUND", async () => await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = "sshd.service" }, cancellationToken: FleetLab.Ct));
        var set = await RefusedAsync("SET_BY_FLEET", async () => await nodes.SetUnitPropertiesAsync(
            new() { Node = "ecu1", Unit = "qm.service", Properties = { ["MemoryHigh"] = "1G" } }, cancellationToken: FleetLab.Ct));

        Assert.Equal(("cockpit", "ecu1"), (set.Metadata["fleet"], set.Metadata["node"]));
        Assert.Equal(0ul, lab.Calls("ecu1", "StopUnit"));
        Assert.Equal(0ul, lab.Calls("qm.ecu1", "StopUnit"));
        Assert.DoesNotContain(await lab.EventsAsync(), one => one.Reason == "OperationBegun");
        await DoneAsync(lab, await nodes.SetUnitPropertiesAsync(new() { Node = "ecu1", Unit = "qm.service", Properties = { ["CPUQuota"] = "50%" } }, cancellationToken: FleetLab.Ct));
    }

    [Fact]
    [Trait("Requirement", "QMF-API-023")]
    [Trait("Requirement", "QMF-RULE-1")]
    public async Task Controller_KilledInTheMiddleOfAnOperation_TheNextBringsItToItsEnd()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1, timings: NodeTimings.Fast with { Stop = TimeSpan.FromSeconds(2), Start = TimeSpan.FromSeconds(1) });
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var calls = lab.Calls("ecu1", "RestartUnit");
        var request = new RestartQmRequest { Name = "ecu1", RequestId = "123e4567-e89b-12d3-a456-426614174000" };

        var operation = await new NodeService.NodeServiceClient(lab.Lab.Channel).RestartQmAsync(request, cancellationToken: FleetLab.Ct);
        using (var late = new CancellationTokenSource(TimeSpan.FromSeconds(60)))
        {
            while (lab.Calls("ecu1", "RestartUnit") == calls)
            {
                await Task.Delay(20, late.Token);
            }
        }

        // A second one has to wait, and says for whom.
        var busy = await Assert.ThrowsAsync<RpcException>(async () => await new NodeService.NodeServiceClient(lab.Lab.Channel).StopUnitAsync(
            new() { Node = "ecu1", Unit = Radio }, cancellationToken: FleetLab.Ct));
        Assert.Contains(busy.StatusCode, new[] { StatusCode.Aborted, StatusCode.FailedPrecondition });
        await lab.Lab.Controller.KillAsync();
        await lab.Lab.StartControllerAsync(FleetLab.Ct);

        var ended = await DoneAsync(lab, operation);
        Assert.Equal(operation, await new NodeService.NodeServiceClient(lab.Lab.Channel).RestartQmAsync(request, cancellationToken: FleetLab.Ct));
        await lab.ConvergedAsync();
        Assert.Equal(("RestartQm", "qm.service", calls + 1), (ended.Kind, ended.Unit, lab.Calls("ecu1", "RestartUnit")));
    }

    // A node that has what is wanted of it belongs to its rollout until that took note.
    private static async Task<Operation> DoneAsync(FleetLab lab, Operation operation)
    {
        var ended = await new OperationService.OperationServiceClient(lab.Lab.Channel).WaitAsync(
            new() { Name = operation.Name, Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(150)) }, cancellationToken: FleetLab.Ct);
        Assert.True(ended.Done && ended.Error.Length == 0, $"{ended}");
        return ended;
    }

    private static async Task<Unit> RadioAsync(NodeService.NodeServiceClient nodes) =>
        Assert.Single((await nodes.ListUnitsAsync(new() { Node = "ecu1", Patterns = { "radio.*" } }, cancellationToken: FleetLab.Ct)).Units);

    private static async Task<ErrorInfo> RefusedAsync(string reason, Func<Task> call)
    {
        var info = (await Assert.ThrowsAsync<RpcException>(call)).GetRpcStatus()!.GetDetail<ErrorInfo>()!;
        Assert.Equal(reason, info.Reason);
        return info;
    }
}

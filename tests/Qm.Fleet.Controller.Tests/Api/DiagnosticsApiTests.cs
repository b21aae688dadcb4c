using Google.Protobuf;
using Grpc.Core;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Gateway;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class DiagnosticsApiTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-CHECK-001")]
    public async Task GetChecks_ReportedOnce_StaysUntilToldAnew()
    {
        await using var controller = await StartAsync();
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        using var agent = await Agent.ConnectAsync(controller);
        await ReportAsync(controller, agent, new V1.NodeReport { Revision = "r1", Checks = new V1.StaticChecks { Results = { Check("mqueue") } } });
        await ReportAsync(controller, agent, new V1.NodeReport { Revision = "r2" });
        var unchanged = await client.GetChecksAsync(new V1.GetChecksRequest { Node = "ecu1" }, cancellationToken: Ct);
        await ReportAsync(controller, agent, new V1.NodeReport { Revision = "r3", Checks = new V1.StaticChecks { Results = { Check("disk") } } });
        var anew = await client.GetChecksAsync(new V1.GetChecksRequest { Node = "ecu1" }, cancellationToken: Ct);

        Assert.Equal(["mqueue"], unchanged.Results.Select(static check => check.Id));
        Assert.NotNull(unchanged.ReportedAt);
        Assert.Equal(["disk"], anew.Results.Select(static check => check.Id));
    }

    [Fact]
    public async Task Ask_UnknownOrSilentNode_SaysWhichItIs()
    {
        await using var controller = await StartAsync();
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());

        Assert.Equal(StatusCode.NotFound, await StatusAsync(async () => await client.GetChecksAsync(new V1.GetChecksRequest { Node = "ecu9" }, cancellationToken: Ct)));
        Assert.Equal(StatusCode.FailedPrecondition, await StatusAsync(async () => await client.GetChecksAsync(new V1.GetChecksRequest { Node = "ecu1" }, cancellationToken: Ct)));
        Assert.Equal(StatusCode.FailedPrecondition, await StatusAsync(() => ReadAllAsync(client.RunChecks(new V1.RunChecksRequest { Node = "ecu1" }, cancellationToken: Ct).ResponseStream)));
        Assert.Equal(StatusCode.FailedPrecondition, await StatusAsync(() => ReadAllAsync(client.CollectBundle(new V1.CollectBundleRequest { Node = "ecu1" }, cancellationToken: Ct).ResponseStream)));
    }

    [Fact, Trait("Requirement", "QMF-CHECK-002")]
    public async Task RunChecks_GoesToTheNodeAsAskedIsAuditedAndStreamsEachResult()
    {
        await using var controller = await StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        using var call = client.RunChecks(new V1.RunChecksRequest { Node = "ecu1", Names = { "selinux" }, Disturb = true }, cancellationToken: Ct);
        var command = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(command.Id);
        await agent.SendAsync(Piece(command.RunChecks.Id, 1, new V1.Diagnostics { Check = Check("selinux") }));
        Assert.True(await call.ResponseStream.MoveNext(Ct));
        var first = call.ResponseStream.Current;
        await agent.SendAsync(Piece(command.RunChecks.Id, 2, new V1.Diagnostics { Last = true }));

        Assert.Empty(await ReadAllAsync(call.ResponseStream));
        Assert.Equal("selinux", first.Id);
        Assert.Equal(["selinux"], command.RunChecks.Names);
        Assert.True(command.RunChecks.Disturb);
        Assert.Contains(controller.Service<EventLog>().After(0, "ecu1", "", 10), static entry =>
            entry.Draft is { Reason: "ChecksRun", Actor: "admin:local-admin" } && entry.Draft.Message.Contains("selinux, may disturb", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("UnknownCheck", StatusCode.InvalidArgument)]
    [InlineData("DisturbingCheck", StatusCode.InvalidArgument)]
    [InlineData("Busy", StatusCode.Aborted)]
    [InlineData("UnknownCommand", StatusCode.FailedPrecondition)]
    public async Task RunChecks_RefusedByTheNode_IsRefusedInItsWords(string reason, StatusCode status)
    {
        await using var controller = await StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        using var call = client.RunChecks(new V1.RunChecksRequest { Node = "ecu1" }, cancellationToken: Ct);
        var command = (await agent.ReceiveAsync()).Command;
        await agent.SendAsync(new V1.AgentMessage { Result = new V1.CommandResult { Id = command.Id, Reason = reason, Message = "in its own words" } });
        var error = await Assert.ThrowsAsync<RpcException>(() => ReadAllAsync(call.ResponseStream));

        Assert.Equal((status, "in its own words"), (error.StatusCode, error.Status.Detail));
    }

    [Fact, Trait("Requirement", "QMF-DIAG-002")]
    public async Task CollectBundle_LargerThanTheWindow_GrantsMoreAsTheClientTakesIt()
    {
        await using var controller = await StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        using var call = client.CollectBundle(new V1.CollectBundleRequest { Node = "ecu1" }, cancellationToken: Ct);
        var begin = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(begin.Id);
        var sent = 0;
        for (; sent < DiagnosticsApi.Window; sent++)
        {
            await agent.SendAsync(Piece(begin.CollectBundle.Id, sent + 1, new V1.Diagnostics { Data = ByteString.CopyFromUtf8($"{sent},") }));
        }

        var received = new List<string>();
        var reading = Task.Run(async () => received.AddRange((await ReadAllAsync(call.ResponseStream)).Select(static chunk => chunk.Data.ToStringUtf8())), Ct);
        var more = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(more.Id);
        var evenMore = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(evenMore.Id);
        await agent.SendAsync(Piece(begin.CollectBundle.Id, sent + 1, new V1.Diagnostics { Data = ByteString.CopyFromUtf8($"{sent},") }));
        await agent.SendAsync(Piece(begin.CollectBundle.Id, sent + 2, new V1.Diagnostics { Last = true }));
        await reading.WaitAsync(RunningController.Deadline, Ct);

        Assert.Equal(32, begin.CollectBundle.Until);
        Assert.Equal(begin.CollectBundle.Id, more.CollectBundle.Id);
        Assert.Equal((48L, 64L), (more.CollectBundle.Until, evenMore.CollectBundle.Until));
        Assert.Equal(string.Concat(Enumerable.Range(0, sent + 1).Select(static number => $"{number},")), string.Concat(received));
    }

    [Theory]
    [InlineData("problem", StatusCode.DataLoss)]
    [InlineData("gap", StatusCode.DataLoss)]
    [InlineData("flood", StatusCode.FailedPrecondition)]
    [InlineData("hang-up", StatusCode.FailedPrecondition)]
    public async Task CollectBundle_NotWhole_NeverEndsWell(string fault, StatusCode status)
    {
        await using var controller = await StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        using var call = client.CollectBundle(new V1.CollectBundleRequest { Node = "ecu1" }, cancellationToken: Ct);
        var command = (await agent.ReceiveAsync()).Command;
        if (fault == "flood")
        {
            // Before the answer nobody takes any of it: more than fits is more than was granted.
            for (var number = 1; number <= AgentDiagnosis.Capacity + 1; number++)
            {
                await agent.SendAsync(Piece(command.CollectBundle.Id, number, new V1.Diagnostics()));
            }
        }

        await agent.AnswerAsync(command.Id);
        if (fault == "hang-up")
        {
            await agent.SendAsync(Piece(command.CollectBundle.Id, 1, new V1.Diagnostics { Data = ByteString.CopyFromUtf8("x") }));
            Assert.True(await call.ResponseStream.MoveNext(Ct));
        }

        await (fault switch
        {
            "problem" => agent.SendAsync(Piece(command.CollectBundle.Id, 1, new V1.Diagnostics { Last = true, Problem = "the disk is gone" })),
            "gap" => agent.SendAsync(Piece(command.CollectBundle.Id, 2, new V1.Diagnostics { Last = true })),
            "hang-up" => agent.HangUpAsync(),
            _ => AnswerGrantsAsync(agent),
        });
        var error = await Assert.ThrowsAsync<RpcException>(() => ReadAllAsync(call.ResponseStream));

        Assert.Equal(status, error.StatusCode);
        Assert.NotEmpty(error.Status.Detail);
    }

    [Fact, Trait("Requirement", "QMF-EFFECT-001"), Trait("Requirement", "QMF-EFFECT-002")]
    public async Task GetEffective_SeveralPieces_AreOneAnswerWithWhatOnlyTheControllerKnows()
    {
        await using var controller = await StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        await ReportAsync(controller, agent, new V1.NodeReport { Revision = "41d07be9", Drift = { new V1.FileDrift { Path = "/etc/edited" } } });
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        using var call = client.GetEffectiveAsync(new V1.GetEffectiveRequest { Node = "ecu1", Key = "MemoryHigh" }, cancellationToken: Ct);
        var command = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(command.Id);
        await agent.SendAsync(Piece(command.ReadEffective.Id, 1, new V1.Diagnostics { Settings = { Setting("/etc/ours") } }));
        await agent.SendAsync(Piece(command.ReadEffective.Id, 2, new V1.Diagnostics { Settings = { Setting("/etc/edited") }, Findings = { "one was left out" } }));
        await agent.SendAsync(Piece(command.ReadEffective.Id, 3, new V1.Diagnostics { Last = true }));
        var answer = await call;

        Assert.Equal("MemoryHigh", command.ReadEffective.Key);
        Assert.Equal(("ecu1", 2), (answer.Node, answer.Settings.Count));
        Assert.Equal(
            ["QM Fleet, revision 41d07be9", "QM Fleet, revision 41d07be9, edited since"],
            answer.Settings.Select(static setting => setting.Assignments[0].Note));
        Assert.Equal("one was left out", answer.Problems[0]);
        Assert.StartsWith("What systemd says is unknown: BlueChi", answer.Problems[1], StringComparison.Ordinal);
        // Reading is no deed, so nobody's trail grows by it.
        Assert.DoesNotContain(controller.Service<EventLog>().After(0, "ecu1", "", 10), static entry => entry.Draft.Message.Contains("MemoryHigh", StringComparison.Ordinal));
    }

    [Fact, Trait("Requirement", "QMF-EFFECT-002")]
    public async Task GetEffective_NodeThatTellsWithoutEnd_IsCutOff()
    {
        await using var controller = await StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        using var call = client.GetEffectiveAsync(new V1.GetEffectiveRequest { Node = "ecu1" }, cancellationToken: Ct);
        var command = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(command.Id);
        for (var number = 1; number <= 3; number++)
        {
            await agent.SendAsync(Piece(command.ReadEffective.Id, number, new V1.Diagnostics { Settings = { new V1.EffectiveSetting { Value = new string('x', 900_000) } } }));
        }

        Assert.Equal(StatusCode.DataLoss, await StatusAsync(() => call.ResponseAsync));
    }

    [Fact]
    public async Task GetEffective_WhatCannotBeAsked_SaysWhy()
    {
        await using var controller = await StartAsync();
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        Task AskAsync(string node, string key) => client.GetEffectiveAsync(new V1.GetEffectiveRequest { Node = node, Key = key }, cancellationToken: Ct).ResponseAsync;

        Assert.Equal(StatusCode.NotFound, await StatusAsync(() => AskAsync("ecu9", "")));
        Assert.Equal(StatusCode.InvalidArgument, await StatusAsync(() => AskAsync("ecu1", new string('x', 256))));
        Assert.Equal(StatusCode.FailedPrecondition, await StatusAsync(() => AskAsync("ecu1", "")));
    }

    // One for each half of a window that is taken before the end of what fitted.
    private static async Task AnswerGrantsAsync(Agent agent)
    {
        for (var grants = 0; grants < AgentDiagnosis.Capacity / (DiagnosticsApi.Window / 2); grants++)
        {
            await agent.AnswerAsync((await agent.ReceiveAsync()).Command.Id);
        }
    }

    [Fact, Trait("Requirement", "QMF-DIAG-006")]
    public async Task GetLogs_MoreThanOneReadingHolds_GoesOnAtTheCursorAndEnds()
    {
        await using var controller = await StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        using var call = client.GetLogs(new V1.GetLogsRequest { Node = "ecu1", Unit = "radio.service", InQm = true, Lines = 500 }, cancellationToken: Ct);
        var first = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(first.Id);
        await agent.SendAsync(Piece(first.ReadLogs.Id, 1, new V1.Diagnostics { Entries = { new V1.LogEntry { Message = "one" } }, Last = true, Cursor = "s=1;i=1", More = true }));
        var second = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(second.Id);
        await agent.SendAsync(Piece(second.ReadLogs.Id, 1, new V1.Diagnostics { Entries = { new V1.LogEntry { Message = "two" } }, Last = true, Cursor = "s=1;i=2" }));

        Assert.Equal(["one", "two"], (await ReadAllAsync(call.ResponseStream)).Select(static entry => entry.Message));
        Assert.Equal(("radio.service", true, 500, ""), (first.ReadLogs.Unit, first.ReadLogs.InQm, first.ReadLogs.Lines, first.ReadLogs.AfterCursor));
        Assert.Equal("s=1;i=1", second.ReadLogs.AfterCursor);
        Assert.Single(controller.Service<EventLog>().After(0, "ecu1", "", 10), static entry => entry.Draft is { Reason: "LogsRead", Actor: "admin:local-admin", Unit: "radio.service" });
    }

    [Fact, Trait("Requirement", "QMF-DIAG-006")]
    public async Task GetLogs_Followed_AsksAgainFromTheLastEntryUntilTheClientEndsIt()
    {
        await using var controller = await StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        using var call = client.GetLogs(new V1.GetLogsRequest { Node = "ecu1", Follow = true }, cancellationToken: Ct);
        foreach (var (message, cursor) in new[] { ("one", "s=1;i=1"), ("", ""), ("two", "s=1;i=2") })
        {
            var command = (await agent.ReceiveAsync()).Command;
            await agent.AnswerAsync(command.Id);
            var piece = new V1.Diagnostics { Last = true, Cursor = cursor };
            piece.Entries.AddRange(message.Length > 0 ? [new V1.LogEntry { Message = message }] : []);
            await agent.SendAsync(Piece(command.ReadLogs.Id, 1, piece));
        }

        Assert.True(await call.ResponseStream.MoveNext(Ct));
        Assert.True(await call.ResponseStream.MoveNext(Ct));
        Assert.Equal("two", call.ResponseStream.Current.Message);
        Assert.Equal("s=1;i=2", (await agent.ReceiveAsync()).Command.ReadLogs.AfterCursor);
    }

    [Fact, Trait("Requirement", "QMF-DIAG-006")]
    public async Task GetLogs_WrongInEveryField_NamesAllOfThem()
    {
        await using var controller = await StartAsync();
        var client = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Admin());
        using var call = client.GetLogs(new V1.GetLogsRequest { Node = "ecu1", Unit = "--flush", Lines = -1, Since = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = long.MaxValue } }, cancellationToken: Ct);

        var error = await Assert.ThrowsAsync<RpcException>(() => ReadAllAsync(call.ResponseStream));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(["unit", "lines", "since"], error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Select(static violation => violation.Field));
    }

    private static async Task<RunningController> StartAsync()
    {
        var controller = await RunningController.StartAsync();
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node() } }, cancellationToken: Ct);
        return controller;
    }

    private static async Task ReportAsync(RunningController controller, Agent agent, V1.NodeReport report)
    {
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, "ecu1");
        await agent.SendAsync(new V1.AgentMessage { Report = report });
        await heard.UntilAsync(() => links.LastReport("ecu1")?.Report.Revision == report.Revision);
    }

    private static async Task<StatusCode> StatusAsync(Func<Task> call) => (await Assert.ThrowsAsync<RpcException>(call)).StatusCode;

    private static async Task<List<T>> ReadAllAsync<T>(IAsyncStreamReader<T> stream)
    {
        List<T> all = [];
        while (await stream.MoveNext(Ct))
        {
            all.Add(stream.Current);
        }

        return all;
    }

    private static V1.EffectiveSetting Setting(string file) => new()
    {
        Subject = V1.EffectiveSetting.Types.Subject.Unit,
        Section = "Service",
        Key = "MemoryHigh",
        Value = "1536M",
        Assignments = { new V1.EffectiveAssignment { Value = "1536M", Layer = V1.EffectiveAssignment.Types.Layer.Fleet, File = file, Line = 2, Counts = true } },
    };

    private static V1.CheckResult Check(string id) => new() { Id = id, Verdict = V1.CheckResult.Types.Verdict.Pass };

    private static V1.AgentMessage Piece(string id, long number, V1.Diagnostics piece)
    {
        (piece.Id, piece.Number) = (id, number);
        return new V1.AgentMessage { Diagnostics = piece };
    }
}

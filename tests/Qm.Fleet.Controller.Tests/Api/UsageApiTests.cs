using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Tests.Gateway;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class UsageApiTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-USAGE-002"), Trait("Requirement", "QMF-RULE-11")]
    public async Task WatchTop_WhatIsNotHeard_IsUnknownSinceThen()
    {
        await using var controller = await StartAsync("ecu1", "ecu2", "ecu3");
        using var agent = await Agent.ConnectAsync(controller);
        using var silent = await Agent.ConnectAsync(controller, "ecu3");
        await TellAsync(controller, agent, Usage("radio.service"));
        var before = await RoundAsync(controller, new() { Containers = true });
        await agent.HangUpAsync();
        await UntilAsync(() => !controller.Service<IAgentLinks>().IsConnected("ecu1"));
        var after = await RoundAsync(controller, new() { Containers = true });
        // What an earlier link told may be of another boot.
        using var again = await Agent.ConnectAsync(controller);
        var anew = await RoundAsync(controller, new() { Node = "ecu1" });

        Assert.Equal(["ecu1", "ecu2", "ecu3"], before.Select(static node => node.Node));
        Assert.Equal(["qm.service", "radio.service"], before[0].Units.Select(static unit => unit.Unit));
        Assert.Equal((0.5, null, ""), (before[0].Units[0].Cpus, before[0].UnknownSince, before[0].UnknownBecause));
        Assert.NotNull(before[0].ReadAt);
        Assert.Equal(
            ["", "its agent extension was not heard since the controller started", "its agent extension has told no usage since it is connected"],
            before.Select(static node => node.UnknownBecause));
        Assert.All(before[1..], static node => Assert.True(node is { UnknownSince: not null, ReadAt: null, Units.Count: 0 }));
        Assert.Equal(("its agent extension is not connected", 0, null), (after[0].UnknownBecause, after[0].Units.Count, after[0].ReadAt));
        Assert.Equal(controller.Service<IAgentLinks>().Usage("ecu1")!.Usage.Qm.MemoryCurrent, before[0].Units[0].MemoryCurrent);
        Assert.Equal(("its agent extension has told no usage since it is connected", 0), (Assert.Single(anew).UnknownBecause, anew[0].Units.Count));
    }

    [Fact, Trait("Requirement", "QMF-USAGE-002")]
    public async Task WatchTop_Heartbeats_TellThatItIsAsBeforeOrThatNobodyLooks()
    {
        await using var controller = await StartAsync("ecu1", "ecu2");
        var links = controller.Service<IAgentLinks>();
        using var agent = await Agent.ConnectAsync(controller);
        using var empty = await Agent.ConnectAsync(controller, "ecu2");
        await TellAsync(controller, agent, Usage());
        await agent.SendAsync(new() { Heartbeat = new() { UsageReadMsAgo = 3_600_000 } });
        // QM did not run from the start, so there was nothing to tell.
        await empty.SendAsync(new() { Heartbeat = new() { UsageReadMsAgo = 100 } });
        await UntilAsync(() => links.Usage("ecu2") is not null && links.Usage("ecu1") is { } old && old.ReadAt < old.ReceivedAt - TimeSpan.FromMinutes(59));
        var stale = await RoundAsync(controller, new());
        await agent.SendAsync(new() { Heartbeat = new() { UsageReadMsAgo = 0 } });
        await UntilAsync(() => links.Usage("ecu1")!.ReadAt >= links.Usage("ecu1")!.ReceivedAt);
        var fresh = await RoundAsync(controller, new() { Node = "ecu1" });

        Assert.Equal(("its agent extension is heard, and reads no usage", 0), (stale[0].UnknownBecause, stale[0].Units.Count));
        Assert.Equal(("", 0, "QM does not run."), (stale[1].UnknownBecause, stale[1].Units.Count, Assert.Single(stale[1].Problems)));
        Assert.Equal(("", 1), (fresh[0].UnknownBecause, fresh[0].Units.Count));
    }

    [Fact, Trait("Requirement", "QMF-USAGE-002")]
    public async Task WatchTop_PartOfTheNodes_IsThatPart()
    {
        await using var controller = await StartAsync("ecu1", "ecu2");
        using var first = await Agent.ConnectAsync(controller);
        using var second = await Agent.ConnectAsync(controller, "ecu2");
        await TellAsync(controller, first, Usage("radio.service", "maps.service"));
        await TellAsync(controller, second, Usage("maps.service"), "ecu2");

        Assert.Equal([("ecu1", "radio.service")], Flat(await RoundAsync(controller, new() { Workload = "radio" })));
        Assert.Equal([("ecu1", "maps.service"), ("ecu2", "maps.service")], Flat(await RoundAsync(controller, new() { Workload = "maps.service" })));
        Assert.Equal([("ecu2", "qm.service")], Flat(await RoundAsync(controller, new() { Selector = "number=ecu2" })));
        Assert.Equal([("ecu2", "qm.service"), ("ecu2", "maps.service")], Flat(await RoundAsync(controller, new() { Node = "ecu2", Containers = true })));
        Assert.Empty(await RoundAsync(controller, new() { Workload = "nobody" }));
    }

    [Fact, Trait("Requirement", "QMF-USAGE-002")]
    public async Task WatchTop_ManyContainers_ComeInPartsAndTheLastIsComplete()
    {
        string[] names = ["ecu1", "ecu2", "ecu3", "ecu4", "ecu5", "ecu6"];
        await using var controller = await StartAsync(names);
        string[] containers = [.. Enumerable.Range(0, 200).Select(static number => $"c{number:000}.service")];
        var agents = new List<Agent>();
        foreach (var name in names)
        {
            agents.Add(await Agent.ConnectAsync(controller, name));
            await TellAsync(controller, agents[^1], Usage(containers), name);
        }

        var parts = await ReadAllAsync(Client(controller).WatchTop(new() { Containers = true }, cancellationToken: Ct).ResponseStream);
        agents.ForEach(static agent => agent.Dispose());

        Assert.Equal([false, true], parts.Select(static part => part.Complete));
        Assert.All(parts, static part => Assert.InRange(part.Nodes.Sum(node => node.Units.Count), 1, TopRounds.MaxCgroups));
        Assert.Equal(names, parts.SelectMany(static part => part.Nodes).Select(static node => node.Node));
        Assert.Equal(6 * 201, parts.Sum(static part => part.Nodes.Sum(node => node.Units.Count)));
        Assert.Equal(parts[0].At, parts[1].At);
    }

    [Fact, Trait("Requirement", "QMF-USAGE-002")]
    public async Task WatchTop_Interval_GoesOnWithRounds()
    {
        await using var controller = await StartAsync("ecu1");
        using var call = Client(controller).WatchTop(new() { Interval = TimeSpan.FromSeconds(1).ToDuration() }, cancellationToken: Ct);

        Assert.True(await call.ResponseStream.MoveNext(Ct) && call.ResponseStream.Current.Complete);
        Assert.True(await call.ResponseStream.MoveNext(Ct) && call.ResponseStream.Current is { Complete: true, Nodes.Count: 1 });
    }

    [Fact, Trait("Requirement", "QMF-CORE-004"), Trait("Requirement", "QMF-USAGE-002")]
    public async Task WatchTop_WhatMakesNoSense_IsRefusedWithEverything()
    {
        await using var controller = await StartAsync("ecu1");
        Task AskAsync(V1.WatchTopRequest request) => ReadAllAsync(Client(controller).WatchTop(request, cancellationToken: Ct).ResponseStream);

        Assert.Equal(["interval", "selector", "workload"], await FieldsAsync(() => AskAsync(new() { Interval = new() { Nanos = 1 }, Selector = "a in (", Workload = new string('x', 256) })));
        Assert.Equal(["interval"], await FieldsAsync(() => AskAsync(new() { Interval = new() { Seconds = long.MaxValue, Nanos = int.MaxValue } })));
        Assert.Equal(["interval"], await FieldsAsync(() => AskAsync(new() { Interval = TimeSpan.FromSeconds(3601).ToDuration() })));
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => AskAsync(new() { Node = "ecu9" }))).StatusCode);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => AskAsync(new() { Fleet = "nobody" }))).StatusCode);
    }

    [Fact, Trait("Requirement", "QMF-USAGE-001")]
    public async Task GetUsage_Pieces_ArePutTogetherWithTimesOfTheController()
    {
        await using var controller = await StartAsync("ecu1");
        using var agent = await Agent.ConnectAsync(controller);
        var begun = DateTimeOffset.UtcNow;
        using var call = Client(controller).GetUsageAsync(
            new() { Node = "ecu1", From = begun.AddMinutes(-10).ToTimestamp(), To = begun.AddMinutes(-1).ToTimestamp(), Step = TimeSpan.FromSeconds(30).ToDuration(), Unit = "radio.service" }, cancellationToken: Ct);
        var command = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(command.Id);
        await SendAsync(1, new() { Usage = { Series("radio.service", "/a", 90_000), Series("radio.service", "/b", 80_000) } });
        await SendAsync(2, new() { Usage = { Series("radio.service", "/b", 70_000) }, UsageIntervalMs = 10_000, UsageOldestMsAgo = 600_000 });
        await SendAsync(3, new() { Last = true });
        var answer = await call;

        Assert.InRange(command.ReadUsage.FromMsAgo, 600_000, 660_000);
        Assert.InRange(command.ReadUsage.ToMsAgo, 60_000, 120_000);
        Assert.Equal((30_000L, 500, "radio.service"), (command.ReadUsage.StepMs, command.ReadUsage.Limit, command.ReadUsage.Unit));
        Assert.Equal([("/a", 1), ("/b", 2)], answer.Series.Select(static series => (series.Cgroup, series.Points.Count)));
        Assert.Equal(TimeSpan.FromSeconds(70), answer.ReadAt.ToDateTimeOffset() - answer.Series[1].Points[1].At.ToDateTimeOffset());
        Assert.Equal((TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(10)), (answer.Interval.ToTimeSpan(), answer.ReadAt.ToDateTimeOffset() - answer.OldestAt.ToDateTimeOffset()));

        Task SendAsync(long number, V1.Diagnostics piece)
        {
            (piece.Id, piece.Number) = (command.ReadUsage.Id, number);
            return agent.SendAsync(new() { Diagnostics = piece });
        }
    }

    [Fact, Trait("Requirement", "QMF-CORE-004"), Trait("Requirement", "QMF-USAGE-001")]
    public async Task GetUsage_WhatMakesNoSense_IsRefusedWithEverything()
    {
        await using var controller = await StartAsync("ecu1");
        var now = DateTimeOffset.UtcNow;
        Task AskAsync(V1.GetUsageRequest request) => Client(controller).GetUsageAsync(request, cancellationToken: Ct).ResponseAsync;

        Assert.Equal(["step", "from", "limit", "unit"], await FieldsAsync(() => AskAsync(new()
        {
            Node = "ecu1",
            From = now.AddMinutes(-1).ToTimestamp(),
            To = now.AddMinutes(-2).ToTimestamp(),
            Step = TimeSpan.FromMilliseconds(1).ToDuration(),
            Limit = 4097,
            Unit = new string('x', 256),
        })));
        Assert.Equal(["from"], await FieldsAsync(() => AskAsync(new() { Node = "ecu1", From = now.AddHours(1).ToTimestamp() })));
        Assert.Equal(["from", "to"], await FieldsAsync(() => AskAsync(new() { Node = "ecu1", From = new() { Seconds = long.MinValue }, To = new() { Nanos = -1 } })));
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => AskAsync(new() { Node = "ecu9" }))).StatusCode);
        Assert.Equal(StatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(() => AskAsync(new() { Node = "ecu1" }))).StatusCode);
    }

    private static V1.DiagnosticsService.DiagnosticsServiceClient Client(RunningController controller) => new(controller.Admin());

    private static IEnumerable<(string, string)> Flat(IEnumerable<V1.NodeTop> nodes) => nodes.SelectMany(static node => node.Units, static (node, unit) => (node.Node, unit.Unit));

    private static V1.UsageSeries Series(string unit, string cgroup, long agoMs) => new() { Unit = unit, Cgroup = cgroup, Points = { new V1.UsagePoint { AgoMs = agoMs, Cpus = 1 } } };

    private static V1.Usage Usage(params string[] containers) => new()
    {
        Qm = new() { Unit = "qm.service", MemoryCurrent = 4096, Cpus = 0.5 },
        Nested = { containers.Select(static unit => new V1.CgroupUsage { Unit = unit, MemoryCurrent = 1024 }) },
    };

    private static async Task<RunningController> StartAsync(params string[] nodes)
    {
        var controller = await RunningController.StartAsync();
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new()
        {
            Nodes = { nodes.Select(static name => new V1.Node { Metadata = new() { Name = name, Labels = { ["number"] = name } }, Spec = new() }) },
        }, cancellationToken: Ct);
        return controller;
    }

    private static async Task TellAsync(RunningController controller, Agent agent, V1.Usage usage, string node = "ecu1")
    {
        var links = controller.Service<IAgentLinks>();
        await agent.SendAsync(new() { Usage = usage });
        await UntilAsync(() => links.Usage(node)?.Usage.Nested.Count == usage.Nested.Count);
    }

    private static async Task<List<V1.NodeTop>> RoundAsync(RunningController controller, V1.WatchTopRequest request) =>
        [.. (await ReadAllAsync(Client(controller).WatchTop(request, cancellationToken: Ct).ResponseStream)).SelectMany(static part => part.Nodes)];

    private static async Task<string[]> FieldsAsync(Func<Task> call)
    {
        var error = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        return [.. error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static violation => violation.Field)];
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        while (!holds())
        {
            Ct.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static async Task<List<T>> ReadAllAsync<T>(IAsyncStreamReader<T> stream)
    {
        List<T> all = [];
        while (await stream.MoveNext(Ct))
        {
            all.Add(stream.Current);
        }

        return all;
    }
}

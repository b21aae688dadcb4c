using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.V1;
using Commit = Qm.Fleet.V1.Commit;

namespace Qm.Fleet.Agent.Tests;

public sealed class LinkTests
{
    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-AGENT-002")]
    public async Task Agent_OverTls_StagesCommitsConfirmsAndReportsEachStep()
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        await using var gateway = await TestGateway.StartAsync(server);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = RunAsync(node, gateway, stop.Token);
        var stream = await gateway.NextStreamAsync();

        Assert.Equal(("ecu01", 1, EmulatedNode.BootId), (stream.Hello.Node, stream.Hello.Protocol, stream.Hello.BootId));
        Assert.Contains("CN=ecu01", stream.Subject);
        var first = await stream.ReportAsync(_ => true);
        Assert.Equal(("", 500), (first.Revision, first.Oom.Qm));

        var staged = await stream.DoAsync(new Command { Stage = AgentProcess.Wire(Sample.Old) });
        Assert.True(staged.Result.Ok, staged.Result.Message);
        Assert.Equal(("", "r1"), (staged.Evidence.Revision, staged.Evidence.StagedRevision));
        var committed = await stream.DoAsync(new Command { Commit = new Commit { Revision = "r1" } });
        Assert.True(committed.Result.Ok, committed.Result.Message);
        Assert.Equal(("r1", "", false), (committed.Evidence.Revision, committed.Evidence.StagedRevision, committed.Evidence.Confirmed));
        Assert.Equal("2G", committed.Evidence.Effective["MemoryHigh"]);
        var confirmed = await stream.DoAsync(new Command { Confirm = new Confirm { Revision = "r1" } });
        Assert.True(confirmed.Evidence.Confirmed);

        var refused = await stream.DoAsync(new Command { Commit = new Commit { Revision = "r9" } });
        Assert.Equal((false, "NotStaged"), (refused.Result.Ok, refused.Result.Reason));
        Assert.Contains("committed: r1", refused.Result.Message);

        node.Write("sys/fs/cgroup/qm.service/memory.high", "2147483648\n");
        Assert.Equal("2147483648", (await stream.ReportAsync(report => report.Cgroup["memory.high"] != "max")).Cgroup["memory.high"]);
        await stop.CancelAsync();
        await agent;
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-AGENT-005")]
    public async Task Agent_NothingChanges_SendsHeartbeatsAndUsageAndNoReport()
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        await using var gateway = await TestGateway.StartAsync(server, new() { ReportIntervalMs = 100, HeartbeatIntervalMs = 100, UsageIntervalMs = 1000 });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = RunAsync(node, gateway, stop.Token);
        var stream = await gateway.NextStreamAsync();
        List<AgentMessage> messages = [];
        while (messages.Count(message => message.Heartbeat is not null) < 20)
        {
            messages.Add(await stream.NextAsync());
        }

        Assert.All(messages.Select(message => message.Heartbeat).OfType<Heartbeat>(), beat =>
        {
            Assert.True(beat.ClockUnixMs > 0);
            Assert.Equal("/var/qm", beat.Disk.Path);
            Assert.InRange(beat.Disk.AvailableBytes, 0, beat.Disk.TotalBytes);
        });

        // The versions of programs are known a little after the start, and are news then.
        var reports = messages.Select(message => message.Report).OfType<NodeReport>().ToArray();
        Assert.InRange(reports.Length, 1, 2);
        Assert.NotNull(reports[0].Facts);
        Assert.Equal(104857600, messages.Select(message => message.Usage).OfType<Qm.Fleet.V1.Usage>().First().Qm.MemoryCurrent);
        await stop.CancelAsync();
        await agent;
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-DRIFT-002")]
    public async Task Agent_FileEditedByHand_IsReportedWithItsContent()
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        await using var gateway = await TestGateway.StartAsync(server);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = RunAsync(node, gateway, stop.Token);
        var stream = await gateway.NextStreamAsync();
        await CommitAsync(stream, Sample.Old);
        node.Write(EmulatedNode.QmDropInPath, "[Service]\nMemoryHigh=9G\n");

        var drift = Assert.Single((await stream.ReportAsync(report => report.Drift.Count > 0)).Drift);
        Assert.Equal(($"/{EmulatedNode.QmDropInPath}", FileDrift.Types.Change.Edited), (drift.Path, drift.Change));
        Assert.Contains("MemoryHigh=9G", drift.Content);
        await stop.CancelAsync();
        await agent;
    }

    [Fact(Timeout = 60_000)]
    public async Task Agent_StreamEndedByController_ComesBack()
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        await using var gateway = await TestGateway.StartAsync(server);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = RunAsync(node, gateway, stop.Token);

        (await gateway.NextStreamAsync()).End();
        var second = await gateway.NextStreamAsync();
        Assert.Equal("r1", (await CommitAsync(second, Sample.Old)).Evidence.Revision);
        await stop.CancelAsync();
        await agent;
    }

    [Fact(Timeout = 60_000)]
    public async Task Agent_SecondOnTheSameNode_IsRefusedUntilTheFirstEnds()
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        await using var gateway = await TestGateway.StartAsync(server);
        for (var turn = 0; turn < 2; turn++)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            var agent = RunAsync(node, gateway, stop.Token);
            await gateway.NextStreamAsync();
            var refusal = await Assert.ThrowsAsync<AgentRunningException>(() => RunAsync(node, gateway, stop.Token));
            Assert.Contains("/var/lib/qm-fleet", refusal.Message);
            await stop.CancelAsync();
            await agent;
        }
    }

    [Theory(Timeout = 60_000)]
    [InlineData("controller.example", false)]
    [InlineData("127.0.0.1", true)]
    public async Task Agent_ServerOfAnotherNameOrAuthority_IsNotTrusted(string serverName, bool otherAuthority)
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates(serverName);
        TestGateway.Enrol(node, "ecu01", otherAuthority ? TestGateway.Certificates(serverName).Authority : authority);
        await using var gateway = await TestGateway.StartAsync(server);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var log = new FirstWarning();
        var agent = RunAsync(node, gateway, stop.Token, log);

        Assert.Contains("certificate", await log.Message.WaitAsync(TestContext.Current.CancellationToken), StringComparison.OrdinalIgnoreCase);
        await stop.CancelAsync();
        await agent;
    }

    internal static Task RunAsync(EmulatedNode node, TestGateway gateway, CancellationToken cancellationToken, ILoggerFactory? log = null) =>
        AgentHost.RunAsync(new AgentOptions { Root = node.Root, Controller = gateway.Address }, TimeProvider.System,
            log ?? NullLoggerFactory.Instance, () => 0, cancellationToken);

    private static async Task<(CommandResult Result, NodeReport Evidence)> CommitAsync(TestGateway.Stream stream, StagedRevision revision)
    {
        Assert.True((await stream.DoAsync(new Command { Stage = AgentProcess.Wire(revision) })).Result.Ok);
        var committed = await stream.DoAsync(new Command { Commit = new Commit { Revision = revision.Revision } });
        Assert.True(committed.Result.Ok, committed.Result.Message);
        return committed;
    }

    /// <summary>Hands the first warning to the test.</summary>
    private sealed class FirstWarning : ILoggerFactory, ILogger
    {
        private readonly TaskCompletionSource<string> _message = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<string> Message => _message.Task;

        public ILogger CreateLogger(string categoryName) => this;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> format)
        {
            if (level >= LogLevel.Warning)
            {
                _message.TrySetResult(format(state, exception));
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("The test's log has no providers.");

        public void Dispose()
        {
        }
    }
}

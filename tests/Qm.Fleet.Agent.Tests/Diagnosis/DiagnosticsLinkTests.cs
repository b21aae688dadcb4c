using System.Formats.Tar;
using System.IO.Compression;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Agent.Tests.Checks;
using Qm.Fleet.V1;
using static Qm.Fleet.V1.CheckResult.Types;

namespace Qm.Fleet.Agent.Tests.Diagnosis;

/// <summary>Checks and bundles over a real stream, with scripts as the node's programs.</summary>
public sealed class DiagnosticsLinkTests : IAsyncDisposable
{
    private const string Secret = "Zr8q2LmVx7TnB4wKc9";

    private readonly EmulatedNode _node = GoldenNode.Make();
    private readonly CancellationTokenSource _stop = new();
    private TestGateway? _gateway;
    private Task _agent = Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _agent;
        await (_gateway?.DisposeAsync() ?? ValueTask.CompletedTask);
        _stop.Dispose();
        _node.Dispose();
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-CHECK-001")]
    public async Task StaticChecks_AreToldOnceAndAgainOnlyWhenTheyChange()
    {
        var stream = await ConnectAsync(TestContext.Current.CancellationToken);
        var first = await stream.ReportAsync(_ => true);
        var unchanged = await stream.DoAsync(new Command { Inspect = new Inspect() });
        _node.Write("proc/600/oom_score_adj", "400\n");
        var changed = await stream.ReportAsync(report => report.Checks is not null);

        Assert.Equal(Agent.Checks.StaticChecks.All.Count, first.Checks.Results.Count);
        Assert.Null(unchanged.Evidence.Checks);
        Assert.Equal(Verdict.Fail, changed.Checks.Results.Single(check => check.Id == "qm-oom-score-adj").Verdict);
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-DIAG-002")]
    public async Task RunChecks_WhileACommandHangs_ReportsAndCommandsGoOnAndASecondRunIsRefused()
    {
        // A fifo that nobody writes: the command hangs until the test opens it.
        Tool("podman", $"cat {_node.Of("gate")}; echo 4");
        File.Delete(_node.Of("gate"));
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", [_node.Of("gate")]))
        {
            await mkfifo.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var stream = await ConnectAsync(TestContext.Current.CancellationToken);
        await stream.ReportAsync(_ => true);
        var begun = await stream.DoAsync(new Command { RunChecks = new RunChecks { Id = "r1", Names = { "mqueue" } } });
        var busy = await stream.DoAsync(new Command { CollectBundle = new CollectBundle { Id = "b1", Until = 1 } });
        var inspected = await stream.DoAsync(new Command { Inspect = new Inspect() });
        _node.Write("sys/fs/cgroup/qm.service/memory.high", "2147483648\n");
        await stream.ReportAsync(report => report.Cgroup["memory.high"] == "2147483648");
        await File.WriteAllTextAsync(_node.Of("gate"), "", TestContext.Current.CancellationToken);
        var pieces = await PiecesAsync(stream, "r1", TestContext.Current.CancellationToken);

        Assert.True(begun.Result.Ok, begun.Result.Message);
        Assert.Equal((false, "Busy"), (busy.Result.Ok, busy.Result.Reason));
        Assert.True(inspected.Result.Ok);
        Assert.Equal([("mqueue", Verdict.Pass)], pieces.Where(piece => piece.Check is not null).Select(piece => (piece.Check.Id, piece.Check.Verdict)));
        Assert.Equal((true, "", 2), (pieces[^1].Last, pieces[^1].Problem, pieces[^1].Number));
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-DIAG-006")]
    public async Task ReadLogs_BesideACheckThatHangs_BringsEntriesAndTheCursorAndIsBounded()
    {
        Tool("podman", $"[ \"$1\" = --version ] || cat {_node.Of("gate")}");
        // Held, too, until the command was answered: what comes before an answer is not kept by the test's stream.
        Tool("journalctl", $$"""
            cat {{_node.Of("journal")}}
            echo '{"__CURSOR":"s=1;i=1","__REALTIME_TIMESTAMP":"1700000000000000","MESSAGE":"first"}'
            echo '{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1700000001000000","MESSAGE":"second"}'
            """);
        File.Delete(_node.Of("gate"));
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", [_node.Of("gate"), _node.Of("journal")]))
        {
            await mkfifo.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var stream = await ConnectAsync(TestContext.Current.CancellationToken);
        await stream.ReportAsync(_ => true);
        await stream.DoAsync(new Command { RunChecks = new RunChecks { Id = "r1", Names = { "mqueue" } } });
        var begun = await stream.DoAsync(new Command { ReadLogs = new ReadLogs { Id = "l1", Lines = 10 } });
        await File.WriteAllTextAsync(_node.Of("journal"), "", TestContext.Current.CancellationToken);
        var pieces = await PiecesAsync(stream, "l1", TestContext.Current.CancellationToken);
        var hanging = new List<CommandResult>();
        for (var reading = 0; reading <= LogDesk.ReadingsMax; reading++)
        {
            hanging.Add((await stream.DoAsync(new Command { ReadLogs = new ReadLogs { Id = $"q{reading}", Lines = 10, InQm = true } })).Result);
        }

        Assert.True(begun.Result.Ok, begun.Result.Message);
        Assert.Equal(["first", "second"], pieces.SelectMany(piece => piece.Entries).Select(entry => entry.Message));
        Assert.Equal((true, "", "s=1;i=2", false), (pieces[^1].Last, pieces[^1].Problem, pieces[^1].Cursor, pieces[^1].More));
        Assert.Equal("Busy", hanging[^1].Reason);
        Assert.All(hanging[..^1], result => Assert.True(result.Ok, result.Message));
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-CHECK-002")]
    public async Task RunChecks_DisturbingNotAskedFor_IsRefusedAndNothingRuns()
    {
        // Its version is asked at every start, and disturbs nobody.
        Tool("podman", $"[ \"$1\" = --version ] || touch {_node.Of("ran")}");
        var stream = await ConnectAsync(TestContext.Current.CancellationToken);
        var refused = await stream.DoAsync(new Command { RunChecks = new RunChecks { Id = "r1", Names = { "selinux", "mqueue" } } });

        Assert.Equal((false, "DisturbingCheck"), (refused.Result.Ok, refused.Result.Reason));
        Assert.False(File.Exists(_node.Of("ran")));
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-DIAG-001")]
    [Trait("Requirement", "QMF-DIAG-002")]
    public async Task CollectBundle_SecretsEverywhereAndToolsMissing_HoldsEverythingButTheSecrets()
    {
        Tool("journalctl", $"echo \"started $*\"; echo 'Bearer {Secret}'");
        Tool("podman", $"echo '{{\"Env\": [\"DB_PASSWORD={Secret}\"]}}'");
        _node.Write("etc/qm/containers/systemd/radio.container", $"[Container]\nImage=localhost/radio:3\nEnvironment=API_TOKEN={Secret}\n");
        _node.Write("etc/containers/systemd/qm.container.d/99.conf", $"[Service]\nEnvironment=PROXY=https://u:{Secret}@proxy:1\n");
        _node.Write("var/log/audit/audit.log", "type=SYSCALL x=1\ntype=AVC msg=audit(1.0:1): avc: denied { write } tclass=sock_file\n");
        var stream = await ConnectAsync(TestContext.Current.CancellationToken);
        var (entries, raw) = await BundleAsync(stream, TestContext.Current.CancellationToken);
        var summary = entries["qm-bundle/summary.txt"];

        Assert.All(entries, entry => Assert.DoesNotContain(Secret, entry.Value));
        Assert.DoesNotContain(Secret, System.Text.Encoding.Latin1.GetString(raw));
        Assert.Contains("API_TOKEN=[redacted]", entries["qm-bundle/files/etc/qm/containers/systemd/radio.container"]);
        Assert.Contains("Image=localhost/radio:3", entries["qm-bundle/files/etc/qm/containers/systemd/radio.container"]);
        Assert.Contains("started --no-pager -o short-iso -n 3000 -u qm.service", entries["qm-bundle/journal/qm.service.txt"]);
        Assert.Contains("DB_PASSWORD=[redacted]", entries["qm-bundle/podman/inspect-qm.txt"]);
        Assert.Equal("type=AVC msg=audit(1.0:1): avc: denied { write } tclass=sock_file", entries["qm-bundle/selinux/audit.txt"]);
        Assert.Contains("qm.service [Service] OOMScoreAdjust=500 (/proc/492/oom_score_adj: 500)\n  500 in /usr/share/containers/systemd/qm.container:", entries["qm-bundle/effective.txt"]);
        Assert.Contains("in /etc/containers/systemd/qm.container.d/99.conf:2", entries["qm-bundle/effective.txt"]);
        Assert.Contains("qm-oom-score-adj: ", entries["qm-bundle/checks.txt"]);
        Assert.Contains("found host 0, QM 500, nested 750", entries["qm-bundle/checks.txt"]);
        Assert.Contains("ausearch is not installed on this node.", summary);
        Assert.Contains("bluechictl is not installed on this node.", summary);
        Assert.DoesNotContain("qm-bundle/selinux/ausearch.txt", entries.Keys);
        Assert.Contains("500", entries["qm-bundle/files/proc/492/oom_score_adj"]);
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-DIAG-002")]
    public async Task CollectBundle_LinkPlantedInQm_BringsNothingOfTheHost()
    {
        _node.Write("etc/shadow", $"root:{Secret}\n");
        File.CreateSymbolicLink(_node.Of("etc/qm/containers/systemd/evil.container"), "/../../etc/shadow");
        File.CreateSymbolicLink(_node.Of("etc/qm/containers/systemd/evil2.container"), "/etc/shadow");
        var stream = await ConnectAsync(TestContext.Current.CancellationToken);
        var (entries, _) = await BundleAsync(stream, TestContext.Current.CancellationToken);

        Assert.All(entries, entry => Assert.DoesNotContain(Secret, entry.Value));
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-DIAG-002")]
    public async Task CollectBundle_NoMoreGranted_StopsThereUntilItIs()
    {
        // Random, so that it does not compress: some hundred kilobytes, more than eight pieces.
        Tool("journalctl", "head -c 400000 /dev/urandom | base64");
        var stream = await ConnectAsync(TestContext.Current.CancellationToken);
        Assert.True((await stream.DoAsync(new Command { CollectBundle = new CollectBundle { Id = "b1", Until = 2 } })).Result.Ok);
        var numbers = new List<long>();
        // Reports go on; only the pieces that were granted come between them.
        for (var reports = 0; reports < 3;)
        {
            var message = await stream.NextAsync();
            (reports, var count) = (reports + (message.Report is not null && numbers.Count == 2 ? 1 : 0), numbers.Count);
            if (message.Diagnostics is { } piece)
            {
                numbers.Add(piece.Number);
            }

            if (count < 2 && numbers.Count == 2 || message.Report is not null)
            {
                _node.Write("sys/fs/cgroup/qm.service/memory.high", $"{reports + 4096}\n");
            }
        }

        Assert.Equal([1, 2], numbers);
        await stream.SendAsync(new Command { CollectBundle = new CollectBundle { Id = "b1", Until = 1000 } });
        var rest = await PiecesAsync(stream, "b1", TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(3, rest.Count).Select(number => (long)number), rest.Select(piece => piece.Number));
        Assert.All(rest, piece => Assert.InRange(piece.Data.Length, 0, 32 * 1024));
        Assert.Equal("", rest[^1].Problem);
        var late = await stream.DoAsync(new Command { CollectBundle = new CollectBundle { Id = "b1", Until = 2000 } });
        Assert.True(late.Result.Ok);
        Assert.True((await stream.DoAsync(new Command { RunChecks = new RunChecks { Id = "r1", Names = { "mqueue" } } })).Result.Ok, "the late grant began a bundle");
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-EFFECT-002")]
    public async Task ReadEffective_OneKey_ComesInPiecesAndChangesNothing()
    {
        var stream = await ConnectAsync(TestContext.Current.CancellationToken);
        await stream.ReportAsync(_ => true);
        var before = _node.OwnedTrees();
        var begun = await stream.DoAsync(new Command { ReadEffective = new ReadEffective { Id = "e1", Key = "OOMScoreAdjust" } });
        var pieces = await PiecesAsync(stream, "e1", TestContext.Current.CancellationToken);
        var setting = Assert.Single(pieces.SelectMany(piece => piece.Settings));

        Assert.True(begun.Result.Ok, begun.Result.Message);
        Assert.Equal(("500", "500", "/usr/share/containers/systemd/qm.container"), (setting.Value, setting.Kernel, Assert.Single(setting.Assignments).File));
        Assert.Equal((true, ""), (pieces[^1].Last, pieces[^1].Problem));
        Assert.Equal(before, _node.OwnedTrees());
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-USAGE-001")]
    public async Task ReadUsage_IsAnsweredFromWhatWasSampledBeforeAnybodyAsked()
    {
        _node.Write("sys/fs/cgroup/qm.service/memory.current", "104857600\n");
        var stream = await ConnectAsync(TestContext.Current.CancellationToken);
        await stream.ReportAsync(_ => true);
        // The link may be there before the first look was.
        (CommandResult Result, NodeReport Evidence) begun;
        List<Diagnostics> pieces;
        do
        {
            begun = await stream.DoAsync(new Command { ReadUsage = new ReadUsage { Id = "u1", Limit = 10, Unit = "qm.service" } });
            pieces = await PiecesAsync(stream, "u1", TestContext.Current.CancellationToken);
        }
        while (begun.Result.Ok && !pieces.Any(piece => piece.Usage.Count > 0));
        var series = Assert.Single(pieces.SelectMany(piece => piece.Usage));

        Assert.True(begun.Result.Ok, begun.Result.Message);
        Assert.Equal((true, "", 10_000L, true), (pieces[^1].Last, pieces[^1].Problem, pieces[^2].UsageIntervalMs, pieces[^2].HasUsageOldestMsAgo));
        Assert.Equal(("qm.service", "/qm.service", 104857600L), (series.Unit, series.Cgroup, series.Points[0].MemoryCurrent));
    }

    private static async Task<(Dictionary<string, string> Entries, byte[] Raw)> BundleAsync(TestGateway.Stream stream, CancellationToken cancellationToken)
    {
        await stream.SendAsync(new Command { CollectBundle = new CollectBundle { Id = "b1", Until = 1000 } });
        var pieces = await PiecesAsync(stream, "b1", cancellationToken);
        Assert.Equal("", pieces[^1].Problem);
        var raw = pieces.SelectMany(piece => piece.Data.ToByteArray()).ToArray();
        using var unzipped = new MemoryStream();
        await using (var gzip = new GZipStream(new MemoryStream(raw), CompressionMode.Decompress))
        {
            await gzip.CopyToAsync(unzipped, cancellationToken);
        }

        unzipped.Position = 0;
        var entries = new Dictionary<string, string>();
        await using var tar = new TarReader(unzipped);
        while (await tar.GetNextEntryAsync(copyData: true, cancellationToken) is { } entry)
        {
            using var reader = new StreamReader(entry.DataStream ?? Stream.Null);
            entries.Add(entry.Name, await reader.ReadToEndAsync(cancellationToken));
        }

        return (entries, unzipped.ToArray());
    }

    private static async Task<List<Diagnostics>> PiecesAsync(TestGateway.Stream stream, string id, CancellationToken cancellationToken)
    {
        List<Diagnostics> pieces = [];
        while (pieces is not [.., { Last: true }])
        {
            cancellationToken.ThrowIfCancellationRequested();
            if ((await stream.NextAsync()).Diagnostics is { } piece && piece.Id == id)
            {
                pieces.Add(piece);
            }
        }

        return pieces;
    }

    private async Task<TestGateway.Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(_node, "ecu01", authority);
        _gateway = await TestGateway.StartAsync(server);
        Directory.CreateDirectory(_node.Of("bin"));
        _agent = AgentHost.RunAsync(new AgentOptions { Root = _node.Root, Controller = _gateway.Address }, TimeProvider.System,
            NullLoggerFactory.Instance, () => 0, _stop.Token, new NodePrograms([_node.Of("bin")], TimeProvider.System));
        return await _gateway.NextStreamAsync().WaitAsync(cancellationToken);
    }

    private void Tool(string name, string script)
    {
        _node.Write($"bin/{name}", $"#!/bin/sh\n{script}\n");
        _node.MakeExecutable($"bin/{name}");
    }
}

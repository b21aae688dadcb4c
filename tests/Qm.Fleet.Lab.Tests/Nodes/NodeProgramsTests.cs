using System.Diagnostics;
using Qm.Fleet.Lab.Nodes;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Nodes;

[Trait("Requirement", "QMF-LAB-002")]
public sealed class NodeProgramsTests : IAsyncLifetime
{
    private static readonly string[] QmAgent = ["systemd-run", "--wait", "podman", "exec", "qm", "systemctl", "restart", "bluechi-agent.service"];

    private readonly TestNode _test = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qmfleet-programs-");
    private NodePrograms? _programs;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private EmulatedNode Node => _test.Node;

    private string Socket => Path.Combine(_folder.FullName, "run.sock");

    public async ValueTask InitializeAsync()
    {
        await Node.BootAsync(Ct);
        await _test.BlueChi.WaitForAsync("qm.ecu1");
        // In place of the lab: tells the words it would be started with.
        _programs = NodePrograms.Start([Node], Socket, ["echo"], TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _programs!.DisposeAsync();
        await _test.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Program_OfANode_HandsItsWordsToTheLab()
    {
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(NodePrograms.DirectoryOf(Node.Root), "systemctl"), ["restart", "a.service"]) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync(Ct);

        Assert.Equal($"node-program --socket {Socket} --node ecu1 -- systemctl restart a.service\n", output);
    }

    [Theory]
    [InlineData("exec --env=A=b qm podman exec --env=A=b systemd-radio /bin/check", 0)]
    [InlineData("exec --env=A=b qm podman exec --env=A=b tuner /bin/check", 1)]
    [InlineData("exec qm ls", 125)]
    public async Task Podman_AskedByAProbe_AnswersAsTheLabWasAskedFor(string words, int code)
    {
        Node.Faults.FailProbe("tuner");
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(NodePrograms.DirectoryOf(Node.Root), "podman"), words.Split(' ')) { RedirectStandardError = true })!;
        var said = await process.StandardError.ReadToEndAsync(Ct);
        await process.WaitForExitAsync(Ct);

        Assert.Equal((code, code == 0), (process.ExitCode, said.Length == 0));
    }

    [Fact]
    public async Task Restart_HostsAgentWithAConfThatLeadsNowhere_IsDoneAndTheNodeStaysAway()
    {
        var before = Invocation();
        await File.WriteAllTextAsync(Path.Combine(Node.Root, "etc/bluechi/agent.conf.d/zz-qm-fleet.conf"), "[bluechi-agent]\nControllerAddress=tcp:host=127.0.0.1,port=9\n", Ct);

        Assert.Equal("", await NodePrograms.AskAsync(Socket, "ecu1", ["systemctl", "restart", "bluechi-agent.service"], Ct));
        Assert.NotEqual(before, Invocation());

        // QM's agent takes as long to register, and begins later.
        Assert.Equal("", await NodePrograms.AskAsync(Socket, "ecu1", QmAgent, Ct));
        await _test.BlueChi.WaitForAsync("qm.ecu1");
        Assert.False(_test.BlueChi.IsRegistered("ecu1"));

        File.Delete(Path.Combine(Node.Root, "etc/bluechi/agent.conf.d/zz-qm-fleet.conf"));
        Assert.Equal("", await NodePrograms.AskAsync(Socket, "ecu1", ["systemctl", "restart", "bluechi-agent.service"], Ct));
        await _test.BlueChi.WaitForAsync("ecu1");
    }

    [Fact]
    public async Task Restart_WhatIsNotThere_IsToldAsItIs()
    {
        Assert.Contains("x.service", await NodePrograms.AskAsync(Socket, "ecu1", ["systemctl", "restart", "x.service"], Ct), StringComparison.Ordinal);
        Assert.Contains("nothing that an emulated node can do", await NodePrograms.AskAsync(Socket, "ecu1", ["systemctl", "reboot"], Ct), StringComparison.Ordinal);
        Assert.Contains("nothing that an emulated node can do", await NodePrograms.AskAsync(Socket, "ecu9", ["systemctl", "restart", "x.service"], Ct), StringComparison.Ordinal);
    }

    private string Invocation() => $"{TestNode.Plain(Node.Host.Properties("bluechi-agent.service", "")["InvocationID"])}";
}

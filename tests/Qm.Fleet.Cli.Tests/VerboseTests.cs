using Xunit;

namespace Qm.Fleet.Cli.Tests;

/// <summary>-v shows what went to the server and came back, beside what the verb shows anyway.</summary>
[Trait("Requirement", "QMF-CLI-017")]
public sealed class VerboseTests : CliTest
{
    [Fact]
    public async Task Get_WithV_ShowsTheCallOnStandardErrorOnly()
    {
        Server.Nodes.Stored.Add(new() { Metadata = new() { Name = "ecu1" } });

        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes", "-o", "name", "-v"));

        Assert.Equal(("node/ecu1\n", "/qm.fleet.v1.NodeService/List  OK  0 ms\n"), (Out.ToString(), Errors));
    }

    [Fact]
    public async Task Get_RefusedWithV_ShowsTheStatusAndThenWhy()
    {
        Assert.Equal(ExitCode.NotFound, await RunAsync("get", "node", "ecu9", "-v"));

        Assert.Equal(("", "/qm.fleet.v1.NodeService/Get  NotFound  0 ms\nNode ecu9 not found\n"), (Out.ToString(), Errors));
    }

    [Fact]
    public async Task Logs_WithV_ShowTheStreamWhenItHasEnded()
    {
        Server.Nodes.Stored.Add(new() { Metadata = new() { Name = "ecu1" } });
        Server.Diagnostics.Logs.Add(new() { Unit = "qm.service", Identifier = "podman", Message = "Started QM" });

        Assert.Equal(ExitCode.Done, await RunAsync("logs", "ecu1", "-v"));

        Assert.Contains("Started QM", Out.ToString(), StringComparison.Ordinal);
        Assert.Equal("/qm.fleet.v1.DiagnosticsService/GetLogs  OK  0 ms\n", Errors);
    }
}

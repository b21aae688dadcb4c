using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests;

[Trait("Requirement", "QMF-CLI-003")]
public sealed class ExitCodeTests : CliTest
{
    [Theory]
    [InlineData("get nodes")]
    [InlineData("get fleets")]
    [InlineData("get nodes -o json")]
    [InlineData("version")]
    public async Task Run_WhatWorks_Is0AndKeepsStandardErrorForMessages(string line)
    {
        Server.Nodes.Stored.Add(new() { Metadata = new() { Name = "ecu1" } });
        Server.Fleets.Stored.Add(new() { Metadata = new() { Name = "cockpit" } });

        Assert.Equal(ExitCode.Done, await RunAsync(line.Split(' ')));

        Assert.NotEmpty(Out.ToString());
        Assert.Empty(Errors);
    }

    [Theory]
    [InlineData("frobnicate")]
    [InlineData("get nodes --colour")]
    [InlineData("get trains")]
    [InlineData("get nodes -o xml")]
    [InlineData("apply")]
    [InlineData("apply -f /nonexistent/fleet.yaml")]
    public async Task Run_WrongCommandLine_Is2AndSaysSoOnStandardErrorOnly(string line)
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync(line.Split(' ')));

        Assert.Empty(Out.ToString());
        Assert.NotEmpty(Errors);
    }

    [Theory]
    [InlineData("get node ecu9")]
    [InlineData("describe node ecu9")]
    [InlineData("delete fleet nosuch")]
    public async Task Run_NoSuchResource_Is3(string line) => Assert.Equal(ExitCode.NotFound, await RunAsync(line.Split(' ')));

    [Fact]
    public async Task Run_NoServer_Is6AndSaysWhatToDo()
    {
        Environment["QMFLEET_SERVER"] = $"unix:{Files}nobody.sock";

        Assert.Equal(ExitCode.Unreachable, await RunAsync("get", "nodes"));

        Assert.Equal("""
            unix:nobody.sock cannot be reached: there is no socket nobody.sock
            Is qm-fleet-controller running? Another server is named with --server or QMFLEET_SERVER.

            """, Errors);
    }

    [Theory]
    [InlineData(Grpc.Core.StatusCode.AlreadyExists, ExitCode.Refused)]
    [InlineData(Grpc.Core.StatusCode.Aborted, ExitCode.Refused)]
    [InlineData(Grpc.Core.StatusCode.PermissionDenied, ExitCode.Refused)]
    [InlineData(Grpc.Core.StatusCode.InvalidArgument, ExitCode.Invalid)]
    [InlineData(Grpc.Core.StatusCode.OutOfRange, ExitCode.Invalid)]
    [InlineData(Grpc.Core.StatusCode.Unimplemented, ExitCode.Failed)]
    [InlineData(Grpc.Core.StatusCode.Internal, ExitCode.Failed)]
    public async Task Run_WhatTheServerAnswers_HasItsExitCodeAndALine(Grpc.Core.StatusCode status, int expected)
    {
        Server.Nodes.Errors.Enqueue(new(new(status, "because")));

        Assert.Equal(expected, await RunAsync("node", "cordon", "ecu1"));
        Assert.Single(Errors.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Run_CtrlC_Is130()
    {
        using var stop = new CancellationTokenSource();
        var run = CommandLine.RunAsync(["events", "-w"], Context(), stop.Token);

        await stop.CancelAsync();

        Assert.Equal(ExitCode.Interrupted, await run);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task GetNodes_AsJson_IsOneListAndNothingElse()
    {
        Server.Nodes.Stored.Add(new() { Metadata = new() { Name = "ecu1" }, Status = new() { Step = new() { Name = "Ready" } } });

        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes", "-o", "json"));

        using var json = System.Text.Json.JsonDocument.Parse(Out.ToString());
        Assert.Contains("\"ecu1\"", json.RootElement.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task GetNodes_AsNames_AreWhatOtherVerbsTake()
    {
        Server.Nodes.Stored.Add(new Node { Metadata = new() { Name = "ecu1" } });
        Server.Nodes.Stored.Add(new Node { Metadata = new() { Name = "ecu2" } });

        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes", "-o", "name"));

        Assert.Equal("node/ecu1\nnode/ecu2\n", Out.ToString());
    }
}

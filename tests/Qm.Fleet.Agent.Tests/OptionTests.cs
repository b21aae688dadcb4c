using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Configuration;

namespace Qm.Fleet.Agent.Tests;

public sealed class OptionTests
{
    [Fact]
    public void Options_CommandLineOverFileOverDefault()
    {
        using var node = new EmulatedNode();
        node.Write(OptionReader.ConfPath, "# comment\n[qm-fleet-agent]\nController = https://file.example:1\nPki=/file/pki\nUsageInterval=5m\nNode=ecu7\nCa=/file/controller.crt\nJoinToken=/file/token\nArchiveCa=/file/ca.crt\nLogLevel=debug\n");
        var (options, problems) = OptionReader.Read(["--root", node.Root, "--controller=https://line.example:2"]);

        Assert.Empty(problems);
        Assert.Equal(new AgentOptions
        {
            Root = node.Root,
            Controller = new("https://line.example:2"),
            Pki = "/file/pki",
            Node = "ecu7",
            Ca = "/file/controller.crt",
            JoinToken = "/file/token",
            ArchiveCa = "/file/ca.crt",
            UsageInterval = TimeSpan.FromMinutes(5),
            LogLevel = LogLevel.Debug,
        }, options);
    }

    [Fact]
    public void Options_ManyMistakes_AreToldAtOnce()
    {
        using var node = new EmulatedNode();
        node.Write(OptionReader.ConfPath, "[qm-fleet-agent]\nColour=red\n");
        var (options, problems) = OptionReader.Read(
            ["--root", node.Root, "--controller", "http://x", "--pki", "relative", "--log-level", "loud", "--pki", "/twice", "--what", "--archive-ca", "here.crt", "--usage-interval", "500ms", "--node", "qm.ecu1", "--ca", "who.pem", "--join-token", "what", "--state"]);

        Assert.Null(options);
        Assert.All(
            (string[])["http://x", "relative", "here.crt", "500ms", "qm.ecu1", "who.pem", "\"what\"", "loud", "given twice", "--what", "--state: a value", "agent.conf line 2"],
            part => Assert.Single(problems, problem => problem.Contains(part)));
        Assert.Equal(12, problems.Count);
    }

    [Fact]
    public void Options_NoControllerAndNoRoot_AreTold() =>
        Assert.Equal(2, OptionReader.Read(["--root", "/does/not/exist"]).Problems.Count);
}

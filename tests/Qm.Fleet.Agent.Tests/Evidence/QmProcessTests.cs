using Qm.Fleet.V1;
using Known = Qm.Fleet.V1.QmProcesses.Types.Exception;

namespace Qm.Fleet.Agent.Tests.Evidence;

[Trait("Requirement", "QMF-AGENT-007")]
public sealed class QmProcessTests
{
    [Fact]
    public void Processes_RunningQm_AreToldByUnitAndKnownExceptionsNamed()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();

        Assert.Equal(
            [
                ("dbus.service", 510, 500, 1, Known.None),
                ("init.scope", 500, 0, 1, Known.PodmanExec),
                ("libpod-conmon-bb.scope", 611, 0, 1, Known.Conmon),
                ("radio.service", 602, 500, 1, Known.None),
            ],
            Found(agent.Reporter.Read()));
    }

    [Fact]
    public void Processes_WhatAPodmanExecStarted_IsTheSameException()
    {
        using var node = new EmulatedNode();
        node.Process(501, $"{EmulatedNode.Payload}/init.scope", 0, "501\t78", parent: 500);
        node.Process(502, $"{EmulatedNode.Payload}/init.scope", 0, "502\t79", parent: 501);
        using var agent = node.Open();

        Assert.Contains(("init.scope", 500, 0, 3, Known.PodmanExec), Found(agent.Reporter.Read()));
    }

    // A child of QM's own init has no excuse, nor has anything in one of QM's services.
    [Theory]
    [InlineData("init.scope", 492)]
    [InlineData("system.slice/sshd.service", 499)]
    public void Processes_LowerScoreThatNobodyKnows_IsNoException(string cgroup, int parent)
    {
        using var node = new EmulatedNode();
        node.Process(700, $"{EmulatedNode.Payload}/{cgroup}", 100, "700\t90", parent);
        using var agent = node.Open();

        Assert.Contains((Path.GetFileName(cgroup), 700, 100, 1, Known.None), Found(agent.Reporter.Read()));
    }

    // The kernel reuses process ids while the agent looks: parents may seem to run in a circle.
    [Fact]
    public void Processes_ParentsInACircle_EndTheSearch()
    {
        using var node = new EmulatedNode();
        node.Process(800, $"{EmulatedNode.Payload}/init.scope", 1, "800\t90", parent: 801);
        node.Process(801, $"{EmulatedNode.Payload}/init.scope", 1, "801\t91", parent: 800);
        using var agent = node.Open();

        Assert.Contains(("init.scope", 800, 1, 2, Known.None), Found(agent.Reporter.Read()));
    }

    private static (string, int, int, int, Known)[] Found(NodeReport report) =>
        [.. report.Oom.Processes.Select(found => (found.Unit, found.Pid, found.Score, found.Count, found.Exception)).OrderBy(found => found.Unit, StringComparer.Ordinal)];
}

using Qm.Fleet.Agent.Effective;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Tests.Checks;
using Qm.Fleet.V1;
using static Qm.Fleet.V1.EffectiveAssignment.Types;
using static Qm.Fleet.V1.EffectiveSetting.Types;

namespace Qm.Fleet.Agent.Tests.Effective;

/// <summary>A node's own files, read and told as the controller hears them.</summary>
public sealed class EffectiveReaderTests : IDisposable
{
    private const string Secret = "Zr8q2LmVx7TnB4wKc9";
    private const string VendorDropIn = "usr/share/containers/systemd/qm.container.d/10-automotive.conf";
    private const string UnitDropIn = "etc/systemd/system/qm.service.d/10-hand.conf";
    private const string Live = "run/systemd/system.control/qm.service.d/50-MemoryHigh.conf";

    private readonly EmulatedNode _node = GoldenNode.Make();

    public void Dispose() => _node.Dispose();

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    public void Read_EveryLayer_IsToldWithItsFileAndWhatTheKernelHas()
    {
        _node.Write(VendorDropIn, "[Service]\nMemoryHigh=4G\n");
        _node.Write(EmulatedNode.QmDropInPath, "[Service]\nMemoryHigh=1536M\n");
        _node.Write(UnitDropIn, "[Service]\nMemoryHigh=2G\n");
        _node.Write(Live, "[Service]\nMemoryHigh=1610612736\n");
        _node.Write("sys/fs/cgroup/qm.service/memory.high", "1610612736\n");
        var (settings, _) = Ask("MemoryHigh");

        var high = Assert.Single(settings);
        Assert.Equal((Subject.Unit, "Service", "MemoryHigh", false, "1610612736"), (high.Subject, high.Section, high.Key, high.List, high.Value));
        Assert.Equal(("1610612736", "/sys/fs/cgroup/qm.service/memory.high"), (high.Kernel, high.KernelFile));
        Assert.Equal(
            [
                ("1610612736", Layer.RuntimeControl, "/" + Live, true), ("2G", Layer.UnitDropIn, "/" + UnitDropIn, false), ("1536M", Layer.Fleet, "/" + EmulatedNode.QmDropInPath, false),
                ("4G", Layer.VendorDropIn, "/" + VendorDropIn, false), ("infinity", Layer.Vendor, "/" + GoldenNode.Vendor, false),
            ],
            high.Assignments.Select(assignment => (assignment.Value, assignment.Layer, assignment.File, assignment.Counts)));
        Assert.All(high.Assignments, assignment => Assert.Equal("", assignment.Note));
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    public void Read_AgentsAndContainersConf_AreToldFileByFileToo()
    {
        _node.Write("usr/lib/qm/rootfs/usr/share/bluechi-agent/config/agent.conf", "[bluechi-agent]\nNodeName=\nHeartbeatInterval=0\n");
        _node.Write("etc/qm/bluechi/agent.conf.d/zz-qm-fleet.conf", "[bluechi-agent]\nNodeName=qm.ecu01\n");
        _node.Write("usr/lib/qm/rootfs/usr/share/containers/containers.conf", "[containers]\noom_score_adj = 0\n");
        _node.Write("etc/qm/containers/containers.conf.d/50-qm-fleet.conf", "[containers]\noom_score_adj = 800\n");
        var names = Ask("NodeName").Settings;
        var score = Assert.Single(Ask("oom_score_adj").Settings);

        Assert.Equal([(Subject.HostAgent, "ecu01"), (Subject.QmAgent, "qm.ecu01")], names.Select(name => (name.Subject, name.Value)));
        Assert.Equal(
            [("qm.ecu01", Layer.Fleet, true), ("qm.ecu01", Layer.DropIn, false), ("", Layer.Vendor, false)],
            names[1].Assignments.Select(assignment => (assignment.Value, assignment.Layer, assignment.Counts)));
        Assert.Equal("/usr/lib/qm/rootfs/usr/share/bluechi-agent/config/agent.conf", names[1].Assignments[^1].File);
        Assert.Equal((Subject.Containers, "containers", "800"), (score.Subject, score.Section, score.Value));
        Assert.Equal(["800", "750", "0"], score.Assignments.Select(assignment => assignment.Value));
        Assert.Equal([Layer.Fleet, Layer.Main, Layer.Vendor], score.Assignments.Select(assignment => assignment.Layer));
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    public void Read_LinkToDevNull_HidesTheFileOfTheSameName()
    {
        _node.Write(VendorDropIn, "[Service]\nMemoryHigh=4G\n");
        File.CreateSymbolicLink(_node.Of("etc/containers/systemd/qm.container.d/10-automotive.conf"), "/dev/null");

        Assert.Equal("infinity", Assert.Single(Ask("MemoryHigh").Settings).Value);
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    public void Read_VendorQuadletThatQmsScriptsChanged_IsNamed()
    {
        _node.Write(GoldenNode.Vendor, File.ReadAllText(_node.Of(GoldenNode.Vendor)).Replace("Timezone=local", "# Timezone=local\nEnvironment=TZ", StringComparison.Ordinal));

        Assert.Equal("Timezone= commented out by QM's comment-tz-local", Assert.Single(Ask("MemoryHigh").Settings).Assignments[^1].Note);
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    public void Read_LimitThatNoFileSets_IsToldWithTheKernelsWordOnly()
    {
        _node.Write("sys/fs/cgroup/qm.service/memory.low", "0\n");
        var (low, score) = (Assert.Single(Ask("MemoryLow").Settings), Assert.Single(Ask("OOMScoreAdjust").Settings));

        Assert.Equal(("", "0", 0), (low.Value, low.Kernel, low.Assignments.Count));
        Assert.Equal(("500", "500", "/proc/492/oom_score_adj"), (score.Value, score.Kernel, score.KernelFile));
        Assert.Equal("idle", Assert.Single(Ask("CPUWeight").Settings).Kernel);
        Assert.Empty(Ask("NoSuchKey").Settings);
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-002")]
    public void Read_WhatCannotBeRead_IsToldAndTheRestIsThere()
    {
        _node.Write(UnitDropIn, new string('#', ConfFiles.FileBytesMax + 1));
        Directory.CreateDirectory(_node.Of("etc/systemd/system/qm.service.d/20-directory.conf"));
        _node.Write("etc/systemd/system/qm.service.d/30.conf", "[Service\nNice=1\n");
        _node.Write("etc/qm/containers/containers.conf.d/90.conf", "oom_score_adj = = 1\n");
        var (settings, findings) = Ask("");

        Assert.All(
            (string[])["10-hand.conf: it is larger than", "20-directory.conf", "30.conf:1: section header", "90.conf is no valid containers.conf", "older than the quadlet's files"],
            part => Assert.Contains(findings, finding => finding.Contains(part, StringComparison.Ordinal)));
        Assert.Equal("500", settings.Single(setting => setting.Key == "OOMScoreAdjust").Value);
        Assert.Equal("750", settings.Single(setting => setting.Subject == Subject.Containers).Value);
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-002")]
    public void Read_NoQuadlet_SaysSoAndTellsTheHostsAgent()
    {
        File.Delete(_node.Of(GoldenNode.Vendor));
        File.Delete(_node.Of("run/systemd/generator/qm.service"));
        var (settings, findings) = Ask("");

        Assert.Contains("There is no quadlet.", findings);
        Assert.Equal("ecu01", Assert.Single(settings, setting => setting.Key == "NodeName").Value);
    }

    [Theory]
    [InlineData("Environment=\"DB_PASSWORD={0} and more\"")]
    [InlineData("Environment=PROXY=https://u:{0}@proxy:1")]
    [InlineData("API_TOKEN={0}")]
    [Trait("Requirement", "QMF-EFFECT-002")]
    public void Read_Secret_NeverLeavesTheNode(string line)
    {
        _node.Write(UnitDropIn, $"[Service]\n{string.Format(null, line, Secret)}\n");
        var (settings, findings) = Ask("");

        Assert.DoesNotContain(Secret, string.Concat(settings) + string.Concat(findings), StringComparison.Ordinal);
        Assert.Contains(settings, setting => setting.Value.Contains("[redacted]", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-002")]
    public void Read_LinkPlantedInQm_LeadsToNothingOfTheHost()
    {
        _node.Write("etc/secret.conf", $"[bluechi-agent]\nLogLevel={Secret}\n");
        File.CreateSymbolicLink(_node.Of("etc/qm/bluechi/agent.conf.d/evil.conf"), "/../../etc/secret.conf");
        File.CreateSymbolicLink(_node.Of("etc/qm/bluechi/agent.conf"), "/etc/secret.conf");

        Assert.Empty(Ask("LogLevel").Settings);
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-002")]
    public void Read_MoreAgentFilesThanAreLookedAt_IsUnknownAndNotAPartOfThem()
    {
        for (var file = 0; file <= ConfFiles.FilesMax; file++)
        {
            _node.Write($"etc/bluechi/agent.conf.d/{file:D4}.conf", "[bluechi-agent]\nLogLevel=DEBUG\n");
        }

        var (settings, findings) = Ask("LogLevel");

        Assert.Empty(settings);
        Assert.Contains(findings, finding => finding.Contains("400 are read, so what the host's BlueChi agent starts with is unknown", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-002")]
    public void Pieces_MoreThanFits_AreBoundedAndWhatIsCutIsTold()
    {
        for (var file = 0; file < ConfFiles.FilesMax + 50; file++)
        {
            _node.Write($"etc/systemd/system/qm.service.d/{file:D4}.conf", $"[Service]\nKey{file}={new string('x', 5000)}\nNice={file}\n");
        }

        var pieces = Pieces("");
        var findings = pieces[^1].Findings;

        Assert.All(pieces, piece => Assert.InRange(piece.CalculateSize(), 1, 64 * 1024));
        Assert.InRange(pieces.Sum(piece => piece.CalculateSize()), 1, 1024 * 1024);
        Assert.All(pieces.SelectMany(piece => piece.Settings), setting => Assert.InRange(setting.Value.Length, 0, 4096));
        Assert.All(
            (string[])["settings were left out", "More than 400 files", "Key0= is longer than 4096"],
            part => Assert.Contains(findings, finding => finding.Contains(part, StringComparison.Ordinal)));
        var (settings, told) = Ask("Nice");
        Assert.Equal(100, Assert.Single(settings).Assignments.Count);
        Assert.Contains(told, finding => finding.Contains("the 100 strongest are told", StringComparison.Ordinal));
    }

    private (IReadOnlyList<V1.EffectiveSetting> Settings, IReadOnlyList<string> Findings) Ask(string key)
    {
        var pieces = Pieces(key);
        return ([.. pieces.SelectMany(piece => piece.Settings)], [.. pieces[^1].Findings]);
    }

    private IReadOnlyList<Diagnostics> Pieces(string key)
    {
        using var agent = _node.Open();
        using var root = NodeRoot.Open(_node.Root);
        var report = agent.Reporter.Read();
        return EffectiveWire.Pieces(new EffectiveReader(root).Read(report.Files.Select(file => file.Path).ToHashSet()), report, key);
    }
}

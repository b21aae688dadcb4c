using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;
using Xunit;

namespace Qm.Fleet.Core.Tests.Environments;

[Trait("Requirement", "QMF-PROBE-001")]
public sealed class LivenessProbeParserTests
{
    private const string At = "spec.environment.workloads[0].livenessProbe";
    private static readonly LivenessProbeManifest Check = new(new ProbeAction.Exec(["/bin/check", "-x"]));

    [Fact]
    public void Parse_NothingButTheAction_HasTheDefaultsOfKubernetes()
    {
        var probe = Checked(Check);

        Assert.Equal((0, 10, 1, 1, 3), (probe.InitialDelaySeconds, probe.PeriodSeconds, probe.TimeoutSeconds, probe.SuccessThreshold, probe.FailureThreshold));
        Assert.Equal(["/bin/check", "-x"], Assert.IsType<ProbeAction.Exec>(probe.Action).Command);
    }

    [Fact]
    public void Parse_EverythingOutOfBounds_IsToldAtOnce()
    {
        var problems = Problems(new(new ProbeAction.TcpSocket(0, "radio.example"))
        {
            InitialDelaySeconds = -1,
            PeriodSeconds = 0,
            TimeoutSeconds = 86401,
            SuccessThreshold = 0,
            FailureThreshold = -3,
        });

        Assert.Equal(
            [".failureThreshold", ".initialDelaySeconds", ".periodSeconds", ".successThreshold", ".tcpSocket.host", ".tcpSocket.port", ".timeoutSeconds"],
            problems.Select(problem => problem.Path[At.Length..]).Order(StringComparer.Ordinal));
        Assert.All(problems, problem => Assert.NotEmpty(problem.Message));
    }

    [Fact]
    public void Parse_TimeoutLongerThanThePeriod_IsRefused() =>
        Assert.Equal($"{At}.timeoutSeconds", Assert.Single(Problems(Check with { PeriodSeconds = 5, TimeoutSeconds = 6 })).Path);

    [Fact]
    public void Parse_NoAction_IsRefusedWithWhatThereIs() =>
        Assert.Contains("exec, tcpSocket, unixSocket and heartbeatFile", Assert.Single(Problems(new(null))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("localhost")]
    [InlineData("")]
    public void Parse_HostThatIsAnAddress_IsTaken(string host) => Assert.Empty(Problems(new(new ProbeAction.TcpSocket(65535, host))));

    [Theory]
    [InlineData("radio")]
    [InlineData("1")]
    [InlineData("0x7f.1")]
    [InlineData("127.0.0.01")]
    [InlineData("[::1]")]
    [InlineData("fe80::1%eth0")]
    [InlineData(" 127.0.0.1")]
    [InlineData("localhost\n")]
    public void Parse_HostThatIsNone_IsRefused(string host) =>
        Assert.Equal($"{At}.tcpSocket.host", Assert.Single(Problems(new(new ProbeAction.TcpSocket(80, host)))).Path);

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(65536)]
    [InlineData(70000)]
    public void Parse_PortThatIsNone_IsRefused(int port) =>
        Assert.Equal($"{At}.tcpSocket.port", Assert.Single(Problems(new(new ProbeAction.TcpSocket(port, "")))).Path);

    [Theory]
    [InlineData("")]
    [InlineData("run/radio.sock")]
    [InlineData("/run/../etc/shadow")]
    [InlineData("/run/radio/..")]
    [InlineData("/run/radio/")]
    [InlineData("/run/radio\n.sock")]
    [InlineData("/run/radio\0")]
    public void Parse_PathThatIsNoneOfQm_IsRefused(string path)
    {
        Assert.Equal($"{At}.unixSocket.path", Assert.Single(Problems(new(new ProbeAction.UnixSocket(path)))).Path);
        Assert.Equal($"{At}.heartbeatFile.path", Assert.Single(Problems(new(new ProbeAction.HeartbeatFile(path, 10)))).Path);
    }

    [Theory]
    [InlineData("/run/radio.sock")]
    [InlineData("/run/..radio/a..b")]
    public void Parse_PathWithDotsInNames_IsTaken(string path) => Assert.Empty(Problems(new(new ProbeAction.UnixSocket(path))));

    [Theory]
    [InlineData(0)]
    [InlineData(86401)]
    public void Parse_AgeOutOfBounds_IsRefused(int age) =>
        Assert.Equal($"{At}.heartbeatFile.maxAgeSeconds", Assert.Single(Problems(new(new ProbeAction.HeartbeatFile("/run/alive", age)))).Path);

    [Fact]
    public void Parse_CommandForAShell_IsTakenAsItStands()
    {
        string[] command = ["/bin/sh", "-c", "test -e /x; echo $(id) `id` | cat\n\tdone", "", "ünïcode"];

        Assert.Equal(command, Assert.IsType<ProbeAction.Exec>(Checked(new(new ProbeAction.Exec([.. command]))).Action).Command);
    }

    [Fact]
    public void Parse_CommandThatIsNoneOrTooLong_IsRefused()
    {
        Assert.Equal($"{At}.exec.command", Assert.Single(Problems(new(new ProbeAction.Exec([])))).Path);
        Assert.Equal($"{At}.exec.command", Assert.Single(Problems(new(new ProbeAction.Exec([""])))).Path);
        Assert.Contains("65 entries", Assert.Single(Problems(new(new ProbeAction.Exec([.. Enumerable.Repeat("x", 65)])))).Message, StringComparison.Ordinal);
        Assert.Empty(Problems(new(new ProbeAction.Exec([.. Enumerable.Repeat("x", 64)]))));
        Assert.Contains("4097 bytes", Assert.Single(Problems(new(new ProbeAction.Exec(["/x", new string('y', 4093)])))).Message, StringComparison.Ordinal);
        Assert.Equal($"{At}.exec.command[1]", Assert.Single(Problems(new(new ProbeAction.Exec(["/x", "a\0b"])))).Path);
    }

    [Theory]
    [InlineData("%H-radio")]
    [InlineData("%")]
    [InlineData("-radio")]
    public void Parse_CommandInAContainerWhoseNameNobodyKnows_IsRefused(string name) =>
        Assert.Equal($"{At}.exec", Assert.Single(Problems(Check, name)).Path);

    [Fact]
    public void Parse_AThousandProbesEverySecond_AreRefusedWithWhatToDo()
    {
        var found = Manifest.Problems(Many(1000, new(new ProbeAction.UnixSocket("/run/x")) { PeriodSeconds = 1 }));

        Assert.Equal(["spec.environment.workloads", "spec.environment.workloads"], found.Select(problem => problem.Path));
        Assert.Contains("1000 a second", found[0].Message, StringComparison.Ordinal);
        Assert.Contains("periodSeconds", found[0].Message, StringComparison.Ordinal);
        Assert.Contains("at once", found[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_MoreThanAThousandProbes_AreRefusedHoweverSeldom()
    {
        var seldom = new LivenessProbeManifest(new ProbeAction.UnixSocket("/run/x")) { PeriodSeconds = 86400 };

        Assert.Empty(Manifest.Problems(Many(1000, seldom)));
        Assert.Contains("1001 workloads", Assert.Single(Manifest.Problems(Many(1001, seldom))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "systemd-radio")]
    [InlineData("receiver", "receiver")]
    [InlineData("%p-%N.a", "radio-radio.a")]
    [InlineData("%n", "radio.service")]
    public void ContainerName_OfAQuadlet_IsWhatPodmanCallsIt(string? declared, string expected)
    {
        var workload = Manifest.Checked(Manifest.Environment() with { Workloads = [Workload(Check, declared)] }).Workloads.Single();

        Assert.True(ContainerName.TryGet(workload, out var name, out _));
        Assert.Equal(expected, name);
    }

    [Fact]
    [Trait("Requirement", "QMF-CORE-005")]
    public void Canonical_DefaultsWrittenOut_AreTheSameRevision()
    {
        var written = Check with { InitialDelaySeconds = 0, PeriodSeconds = 10, TimeoutSeconds = 1, SuccessThreshold = 1, FailureThreshold = 3 };

        Assert.Equal(Hash(Check), Hash(written));
        Assert.Equal(Hash(new(new ProbeAction.TcpSocket(80, ""))), Hash(new(new ProbeAction.TcpSocket(80, "127.0.0.1"))));
    }

    [Fact]
    [Trait("Requirement", "QMF-CORE-005")]
    public void Canonical_EveryPartOfAProbe_IsAnotherRevision()
    {
        LivenessProbeManifest?[] different =
        [
            null, Check, Check with { InitialDelaySeconds = 1 }, Check with { PeriodSeconds = 11 }, Check with { TimeoutSeconds = 2 }, Check with { SuccessThreshold = 2 },
            Check with { FailureThreshold = 4 }, new(new ProbeAction.Exec(["/bin/check -x"])), new(new ProbeAction.Exec(["-x", "/bin/check"])),
            new(new ProbeAction.TcpSocket(80, "")), new(new ProbeAction.TcpSocket(80, "::1")), new(new ProbeAction.TcpSocket(81, "")),
            new(new ProbeAction.UnixSocket("/run/a")), new(new ProbeAction.UnixSocket("/run/b")),
            new(new ProbeAction.HeartbeatFile("/run/a", 10)), new(new ProbeAction.HeartbeatFile("/run/a", 11)), new(new ProbeAction.HeartbeatFile("/run/b", 10)),
        ];

        Assert.Equal(different.Length, different.Select(Hash).Distinct().Count());
    }

    [Fact]
    [Trait("Requirement", "QMF-PLAN-002")]
    public void Diff_ProbeAddedChangedAndRemoved_RestartsNothing()
    {
        var (without, with, other) = (Environment(null), Environment(Check), Environment(Check with { FailureThreshold = 5 }));

        Assert.Equal(("workloads[radio].livenessProbe.failureThreshold", Disruption.None), Assert.Single(RevisionDiff.Of(with, other).Select(change => (change.Path, change.Effect))));
        Assert.All(RevisionDiff.Of(without, with), change => Assert.Equal((Disruption.None, "nothing restarts; the workload is probed anew"), (change.Effect, change.Consequence)));
        Assert.All(RevisionDiff.Of(with, without), change => Assert.Equal((Disruption.None, "nothing restarts; the workload is probed no more"), (change.Effect, change.Consequence)));
    }

    private static WorkloadManifest Workload(LivenessProbeManifest? probe, string? container = null) => Manifest.Workload(
        "radio", null, [("Container", "Image", ["localhost/radio:3"]), .. container is null ? Array.Empty<(string, string, string[])>() : [("Container", "ContainerName", [container])]])
        with
    { LivenessProbe = probe };

    private static FleetEnvironment Environment(LivenessProbeManifest? probe) => Manifest.Checked(Manifest.Environment() with { Workloads = [Workload(probe)] });

    private static EnvironmentManifest Many(int count, LivenessProbeManifest probe) => Manifest.Environment() with
    {
        Workloads = [.. Enumerable.Range(0, count).Select(index => Manifest.Workload($"radio{index}") with { LivenessProbe = probe })],
    };

    private static string Hash(LivenessProbeManifest? probe) => Canonical.Hash(Environment(probe));

    private static LivenessProbe Checked(LivenessProbeManifest probe) => Environment(probe).Workloads.Single().LivenessProbe!;

    private static IReadOnlyList<Problem> Problems(LivenessProbeManifest probe, string? container = null) =>
        Manifest.Problems(Manifest.Environment() with { Workloads = [Workload(probe, container)] });
}

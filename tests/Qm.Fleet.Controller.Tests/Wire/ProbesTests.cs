using Qm.Fleet.Controller.Wire;

namespace Qm.Fleet.Controller.Tests.Wire;

[Trait("Requirement", "QMF-PROBE-001")]
public sealed class ProbesTests
{
    private static readonly V1.LivenessProbe Defaults = new() { InitialDelaySeconds = 0, PeriodSeconds = 10, TimeoutSeconds = 1, SuccessThreshold = 1, FailureThreshold = 3 };

    public static TheoryData<V1.LivenessProbe> Actions =>
    [
        new V1.LivenessProbe { Exec = new() { Command = { "/bin/check", "$(id)" } } },
        new V1.LivenessProbe { TcpSocket = new() { Port = 8080, Host = "::1" } },
        new V1.LivenessProbe { UnixSocket = new() { Path = "/run/radio.sock" } },
        new V1.LivenessProbe { HeartbeatFile = new() { Path = "/run/radio/alive", MaxAgeSeconds = 10 } },
    ];

    [Theory]
    [MemberData(nameof(Actions))]
    public void ToWire_OfAManifest_IsWhatStoodThereWithTheDefaultsWrittenOut(V1.LivenessProbe probe)
    {
        var told = Assert.Single(Told(probe).Probes);

        var expected = Defaults.Clone();
        expected.MergeFrom(probe);
        Assert.Equal(expected, told.LivenessProbe);
        Assert.Equal(("radio.service", probe.Exec is null ? "" : "systemd-radio"), (told.Unit, told.Container));
    }

    [Fact]
    public void ToWire_EveryNumberSet_IsTold()
    {
        var probe = new V1.LivenessProbe { UnixSocket = new() { Path = "/a" }, InitialDelaySeconds = 5, PeriodSeconds = 20, TimeoutSeconds = 4, SuccessThreshold = 2, FailureThreshold = 7 };

        Assert.Equal(probe, Assert.Single(Told(probe).Probes).LivenessProbe);
    }

    [Fact]
    public void Parse_ZeroInPlaceOfAbsent_IsRefused()
    {
        var fleet = Samples.Fleet();
        fleet.Spec.Environment.Workloads[0].LivenessProbe = new() { PeriodSeconds = 0, FailureThreshold = 0 };

        Assert.Equal(
            ["", ".failureThreshold", ".periodSeconds"],
            Manifests.Parse(fleet.Metadata, fleet.Spec).Problems.Select(problem => problem.Path["spec.environment.workloads[0].livenessProbe".Length..]).Order(StringComparer.Ordinal));
    }

    private static V1.SetProbes Told(V1.LivenessProbe probe)
    {
        var fleet = Samples.Fleet();
        fleet.Spec.Environment.Workloads[0].LivenessProbe = probe;
        return Probes.ToWire(Samples.Draft(fleet).Spec.Environment);
    }
}

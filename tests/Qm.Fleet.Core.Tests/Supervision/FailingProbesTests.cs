using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;
using Xunit;

namespace Qm.Fleet.Core.Tests.Supervision;

/// <summary>A probe is told when it turns, and not with every try.</summary>
public sealed class FailingProbesTests
{
    private const string Radio = "radio.service";
    private ImmutableSortedDictionary<string, ProbeReading> _failing = FailingProbes.None;

    [Fact, Trait("Requirement", "QMF-PROBE-005")]
    public void Notices_AProbeTurnsAndTurnsBack_AreOneEach()
    {
        Assert.Empty(Hear(Says(null, 0, "it was not probed often enough yet")));
        Assert.Empty(Hear(Says(true, 0, "")));
        Assert.Empty(Hear(Says(true, 2, "exit code 1")));
        Assert.Equal(["ProbeFailed radio.service: its probe exec /bin/check -x failed 3 times in a row: exit code 1"], Hear(Says(false, 3, "exit code 1")));
        Assert.Empty(Hear(Says(false, 3, "exit code 2")));
        Assert.Equal(["ProbeSucceeded radio.service: its probe exec /bin/check -x succeeds again"], Hear(Says(true, 0, "")));
        Assert.Empty(Hear(Says(true, 0, "")));
    }

    [Fact, Trait("Requirement", "QMF-PROBE-005")]
    public void Notices_TheContainerIsRestartedOrTheLinkIsLost_NobodyIsWellForThat()
    {
        Hear(Says(false, 3, "exit code 1"));

        Assert.Empty(Hear(Says(null, 0, "its container does not run")));
        Assert.Empty(Hear());
        Assert.Empty(Hear(Says(false, 3, "exit code 1")));
        Assert.Single(Hear(Says(true, 0, "")));
    }

    [Fact, Trait("Requirement", "QMF-PROBE-005")]
    public void Follow_TheFleetProbesItNoMore_IsForgottenWithoutAWord()
    {
        Hear(Says(false, 3, "exit code 1"));
        var after = FailingProbes.Follow(_failing, [new(Radio, true, 0, "")], []);

        Assert.Empty(after);
        Assert.Same(_failing, FailingProbes.Follow(_failing, [], probed: null));
        Assert.Empty(FailingProbes.Notices(_failing, after, [], static _ => ""));
    }

    [Theory, Trait("Requirement", "QMF-PROBE-005")]
    [InlineData("exec /bin/sh -c x  y")]
    public void Words_OfACommandWithLines_AreOneLine(string words)
    {
        Assert.Equal(words, new ProbeAction.Exec(["/bin/sh", "-c", "x\n\ty"]).Words);
        Assert.Equal(123, new ProbeAction.Exec(["/bin/sh", new('y', 5_000)]).Words.Length);
        Assert.Equal("tcpSocket 127.0.0.1:80", new ProbeAction.TcpSocket(80, "127.0.0.1").Words);
        Assert.Equal("unixSocket /run/radio.sock", new ProbeAction.UnixSocket("/run/radio.sock").Words);
    }

    private static ProbeReading Says(bool? isHealthy, int failures, string message) => new(Radio, isHealthy, failures, message);

    private string[] Hear(params ProbeReading[] now)
    {
        var before = _failing;
        _failing = FailingProbes.Follow(before, now, [Radio]);
        return [.. FailingProbes.Notices(before, _failing, now, static _ => new ProbeAction.Exec(["/bin/check", "-x"]).Words).Select(static notice => $"{notice.Reason} {notice.Message}")];
    }
}

using System.Globalization;
using Qm.Fleet.Containers.Node;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.Vm.Tests;

namespace Qm.Fleet.Containers;

/// <summary>Units inside QM that do not stay up: what the supervisor does about them, as they themselves write down when they were started.</summary>
[Collection(InTheContainer.Name)]
public sealed class CrashLoopTests(ContainerNode node)
{
    private const string Crashing = "crashing.service";
    private const string Stumbling = "stumbling.service";

    // Longer than the policies wait for anything.
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(6);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-CONT-003"), Trait("Requirement", "QMF-RULE-9")]
    public async Task CrashLoop_OfAWorkload_IsBackedOffAndEscalatedAsConfiguredAndThenLeftAlone()
    {
        var policy = Policy(new() { Initial = "1s", Max = "4s", Factor = "2", Jitter = "0%", Budget = "3 per 10m", QmBudget = "2 per 1h", Escalation = ["restart-unit", "restart-qm", "quarantine"] });
        await InstallAsync(Crashing, "", "exit 1", "Restart=no");
        var loop = new SupervisionLoop(node.Systemd, Crashing, policy);
        await StartAsync(Crashing);

        var last = await loop.UntilAsync(verdict => verdict.State.Quarantine is not null, Ct);

        Assert.Equal([Crashing, Crashing, Crashing, QmNode.Unit, QmNode.Unit], loop.Done.Select(done => done.Heal.Unit));
        Assert.Contains(last.Notices, notice => notice is { Reason: "NodeQuarantined", Severity: NoticeSeverity.Critical, Unit: Crashing });
        // Its owner's start, and one for each time that something was done; each at least as long after the one before as the policy says.
        var starts = await StartsAsync(Crashing);
        Assert.Equal(1 + loop.Done.Count, starts.Length);
        Assert.All(starts.Zip(starts.Skip(1), (one, next) => next - one).Zip([1, 2, 4, 4, 4]), gap => Assert.True(gap.First >= TimeSpan.FromSeconds(gap.Second), $"{gap.First} after the start before, {gap.Second} s are configured"));

        var end = TimeProvider.System.GetUtcNow() + Quiet;
        await loop.UntilAsync(verdict => verdict.Step is not NodeStep.Wait { For: "Release" } || TimeProvider.System.GetUtcNow() > end, Ct);
        Assert.Equal(5, loop.Done.Count);
        Assert.Equal(starts, await StartsAsync(Crashing));
        await RemoveAsync(Crashing);
    }

    [Fact, Trait("Requirement", "QMF-CONT-004"), Trait("Requirement", "QMF-RULE-9")]
    public async Task CrashLoop_ThatSystemdIsAt_IsLeftToSystemdUntilItGivesUp()
    {
        const int Burst = 4;
        var policy = Policy(new() { Initial = "1s", Jitter = "0%", Budget = "5 per 10m", Escalation = ["restart-unit", "quarantine"] });
        // As slow as we would be; it is cured by the first start that is not systemd's own.
        await InstallAsync(
            Stumbling, $"StartLimitIntervalSec=1h\nStartLimitBurst={Burst}", $"test $(wc -l </var/{Stumbling}.starts) -le {Burst} || exec sleep infinity; exit 1", "Restart=always\nRestartSec=1s");
        var loop = new SupervisionLoop(node.Systemd, Stumbling, policy);
        await StartAsync(Stumbling);

        await loop.UntilAsync(verdict => verdict.Notices.Any(notice => notice is { Reason: "Healed", Unit: Stumbling }), Ct);

        var healing = Assert.Single(loop.Done);
        Assert.Equal((Stumbling, "failed"), (healing.Heal.Unit, healing.Before?.ActiveState));
        var starts = await StartsAsync(Stumbling);
        Assert.Equal((Burst, Burst + 1), (starts.Count(start => start < healing.At), starts.Length));
        Assert.Contains("Start request repeated too quickly", await node.Systemd.InsideAsync($"journalctl --no-pager -u {Stumbling}", Ct), StringComparison.Ordinal);
        await RemoveAsync(Stumbling);
    }

    private static SupervisionPolicy Policy(SupervisionManifest manifest)
    {
        var parsed = FleetParser.Parse(new() { Name = "cockpit", Selector = "zone=cockpit", Environment = Environments.Plain, Supervision = manifest });
        Assert.True(parsed.Value is not null, string.Join("\n", parsed.Problems.Select(problem => $"{problem}")));
        return parsed.Value.Supervision;
    }

    // A unit that QM starts by itself, too, and that writes down when.
    private async Task InstallAsync(string unit, string limits, string then, string service)
    {
        await node.Fleet.ReadyAsync(Environments.Plain.Checked());
        await node.Shell.RunAsync($"""
            cat >/etc/qm/systemd/system/{unit} <<'END'
            [Unit]
            {limits}
            [Service]
            ExecStart=/bin/sh -c 'date +%%s%%6N >>/var/{unit}.starts; {then}'
            {service}
            [Install]
            WantedBy=multi-user.target
            END
            """, Ct);
        await node.Systemd.ReloadAsync(insideQm: true, Ct);
        await node.Systemd.InsideAsync($"systemctl --quiet enable {unit}", Ct);
    }

    private async Task StartAsync(string unit) => Assert.Equal("", await node.Systemd.JobAsync(insideQm: true, "start", unit, Ct));

    private async Task<DateTimeOffset[]> StartsAsync(string unit) =>
        [.. (await node.Shell.RunAsync($"cat /var/qm/{unit}.starts", Ct)).Split('\n').Select(line => DateTimeOffset.UnixEpoch.AddMicroseconds(long.Parse(line, CultureInfo.InvariantCulture)))];

    private async Task RemoveAsync(string unit)
    {
        await node.Systemd.InsideAsync($"systemctl --quiet disable --now {unit}; rm /etc/systemd/system/{unit} /var/{unit}.starts", Ct);
        await node.Systemd.ReloadAsync(insideQm: true, Ct);
    }
}

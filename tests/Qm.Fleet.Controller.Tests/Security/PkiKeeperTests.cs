using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Gateway;

namespace Qm.Fleet.Controller.Tests.Security;

public sealed class PkiKeeperTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-PKI-002")]
    public async Task Look_AtTwoThirds_RenewsWhatTheControllerShowsAndTellsOfIt()
    {
        await using var controller = await StartAsync();
        var (pki, keeper) = (controller.Service<Pki>(), controller.Service<PkiKeeper>());
        using var admin = pki.Admin();
        var server = pki.Presented;
        await keeper.LookAsync(Ct);
        Assert.Empty(Events(controller, "CertificateRenewed"));

        _time.Advance(TimeSpan.FromDays(245));
        await keeper.LookAsync(Ct);
        await keeper.LookAsync(Ct);

        using var renewed = pki.Admin();
        Assert.NotEqual(server.Thumbprint, pki.Presented.Thumbprint);
        Assert.NotEqual(admin!.Thumbprint, renewed!.Thumbprint);
        Assert.Equal(2, Events(controller, "CertificateRenewed").Count);
        Assert.Empty(Events(controller, "CertificateExpiring"));
    }

    [Fact, Trait("Requirement", "QMF-ENROLL-013")]
    public async Task Look_JoinTokenNamesTheOldAuthorityAlone_ThatRetiresWhenItHasEnded()
    {
        await using var controller = await StartAsync(adjust: static options => options.AuthorityOverlap = TimeSpan.FromHours(1));
        var (pki, keeper) = (controller.Service<Pki>(), controller.Service<PkiKeeper>());
        await new V1.EnrollmentService.EnrollmentServiceClient(controller.Local()).CreateJoinTokenAsync(new() { Name = "bench", Nodes = { "ecu*" } }, cancellationToken: Ct);
        pki.BeginRotation(null, "admin:ann", "");
        _time.Advance(TimeSpan.FromHours(2));
        await keeper.LookAsync(Ct);
        Assert.NotNull(pki.Authorities.Retiring);

        _time.Advance(TimeSpan.FromDays(1));
        await keeper.LookAsync(Ct);

        Assert.Null(pki.Authorities.Retiring);
    }

    [Fact, Trait("Requirement", "QMF-PKI-005")]
    public async Task Look_WhatNearsItsEnd_IsToldOnceAlsoAfterARestart()
    {
        using var folder = new TemporaryFolder();
        await using (var controller = await StartAsync(folder))
        {
            using var agent = await Agent.ConnectAsync(controller);
            _time.Advance(TimeSpan.FromDays(330));
            await controller.Service<PkiKeeper>().LookAsync(Ct);
            await controller.Service<PkiKeeper>().LookAsync(Ct);

            var told = Assert.Single(Events(controller, "CertificateExpiring"));
            Assert.Equal((EventSeverity.Critical, "ecu1"), (told.Draft.Severity, told.Draft.Node));
        }

        _time.Advance(TimeSpan.FromDays(3650 * 2 / 3));
        for (var start = 0; start < 2; start++)
        {
            await using var controller = await StartAsync(folder);
            await controller.Service<PkiKeeper>().LookAsync(Ct);

            var ofAuthority = Assert.Single(Events(controller, "CertificateExpiring"), static told => told.Draft.Node.Length == 0);
            Assert.Equal(EventSeverity.Warning, ofAuthority.Draft.Severity);
            Assert.Contains("qmfleet pki rotate ca", ofAuthority.Draft.Message, StringComparison.Ordinal);
        }
    }

    // People come for a moment, and a node that is away does not renew: of these nobody would hear otherwise.
    [Fact, Trait("Requirement", "QMF-PKI-005")]
    public async Task Look_WhatNearsItsEndOfWhoIsNotConnected_IsToldUnlessItIsRevoked()
    {
        using var folder = new TemporaryFolder();
        await using (var controller = await StartAsync(folder))
        {
            foreach (var name in new[] { "ecu1", "ecu2" })
            {
                using var agent = await Agent.ConnectAsync(controller, name);
            }
            using var authority = Attacks.Forger.Authority(controller);
            using var ann = Attacks.Forger.Make("OU=viewer, CN=ann", authority, lasts: TimeSpan.FromDays(340));
            await new V1.FleetService.FleetServiceClient(controller.Tls(ann)).ListAsync(new(), cancellationToken: Ct);
            await new V1.PkiService.PkiServiceClient(controller.Local()).RevokeAsync(new() { Subject = "node:ecu2", Reason = "sold" }, cancellationToken: Ct);
            await controller.Service<PkiKeeper>().LookAsync(Ct);
            Assert.Empty(Events(controller, "CertificateExpiring"));
        }

        _time.Advance(TimeSpan.FromDays(334));
        await using var later = await StartAsync(folder);
        await later.Service<PkiKeeper>().LookAsync(Ct);
        await later.Service<PkiKeeper>().LookAsync(Ct);

        Assert.Equal(
            ["The certificate of node:ecu1", "The certificate of viewer:ann"],
            Events(later, "CertificateExpiring").Select(static told => told.Draft.Message[..told.Draft.Message.IndexOf(" ends", StringComparison.Ordinal)]).Order(StringComparer.Ordinal));
    }

    [Fact, Trait("Requirement", "QMF-PKI-005")]
    public async Task Metrics_EveryCertificateInUse_SaysHowLongItHolds()
    {
        await using var controller = await StartAsync(adjust: static options => options.Metrics = "127.0.0.1:0");
        using var agent = await Agent.ConnectAsync(controller);
        using var client = new HttpClient { BaseAddress = controller.MetricsAddress };

        var lines = (await client.GetStringAsync("/metrics", Ct)).Split('\n').Where(static line => line.StartsWith("qm_fleet_certificate_left_seconds{", StringComparison.Ordinal)).ToList();

        // Other tests of this process are measured, too.
        foreach (var (kind, name) in new[] { ("authority", controller.Service<Pki>().Authorities.Issuing.Fingerprint), ("server", "server"), ("admin", "admin:local-admin"), ("node", "node:ecu1") })
        {
            Assert.Contains(lines, line => line.Contains($"kind=\"{kind}\"", StringComparison.Ordinal) && line.Contains($"name=\"{name}\"", StringComparison.Ordinal));
        }
    }

    [Fact, Trait("Requirement", "QMF-PKI-003")]
    public async Task Look_NobodyHasAnOldOneAndTheTimeIsOver_RetiresTheOldAuthority()
    {
        await using var controller = await StartAsync();
        var (pki, keeper) = (controller.Service<Pki>(), controller.Service<PkiKeeper>());
        using var old = await Agent.ConnectAsync(controller);
        pki.BeginRotation(null, "admin:ann", "");

        _time.Advance(TimeSpan.FromDays(31));
        await keeper.LookAsync(Ct);
        Assert.NotNull(pki.Authorities.Retiring);
        using var renewed = await Agent.ConnectAsync(controller);
        await keeper.LookAsync(Ct);

        Assert.Null(pki.Authorities.Retiring);
        Assert.Equal(EventDraft.Controller, Assert.Single(Events(controller, "AuthorityRetired")).Draft.Actor);
    }

    [Fact, Trait("Requirement", "QMF-PKI-006")]
    public async Task Look_CertificateOfAnOpenStreamHasEnded_EndsTheStream()
    {
        await using var controller = await StartAsync();
        using var person = await Person.IssueAsync(controller, "ann", "viewer");
        using var watch = new V1.EventService.EventServiceClient(controller.Tls(person.Certificate)).Watch(new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct);
        await watch.ResponseHeadersAsync.WaitAsync(RunningController.Deadline, Ct);

        _time.Advance(CertificateLives.Default.Leaf + TimeSpan.FromMinutes(1));
        await controller.Service<PkiKeeper>().LookAsync(Ct);

        await watch.EndsAsync();
    }

    private Task<RunningController> StartAsync(TemporaryFolder? folder = null, Action<Controller.Options.ControllerOptions>? adjust = null) => RunningController.StartAsync(
        services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(_time)),
        options =>
        {
            options.State = folder?["state"] ?? options.State;
            adjust?.Invoke(options);
        });

    private static IReadOnlyList<StoredEvent> Events(RunningController controller, string reason) =>
        [.. controller.Service<EventLog>().After(0, "", "", 1000).Where(told => told.Draft.Reason == reason)];
}

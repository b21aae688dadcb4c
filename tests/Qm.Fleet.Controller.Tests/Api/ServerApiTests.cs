using Grpc.Core;
using Microsoft.Extensions.Configuration;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class ServerApiTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-API-045")]
    public async Task Server_IsAsked_TellsWhatItIsAndHowItIs()
    {
        await using var controller = await RunningController.StartAsync();
        var server = new V1.ServerService.ServerServiceClient(controller.Local());

        var version = await server.GetVersionAsync(new V1.GetVersionRequest(), cancellationToken: Ct);
        var health = await server.GetHealthAsync(new V1.GetHealthRequest(), cancellationToken: Ct);

        Assert.Equal(("0.1.0", "qm.fleet.v1", Environment.Version.ToString()), (version.Version, version.Api, version.Runtime));
        Assert.InRange(version.StartedAt.ToDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-10), DateTimeOffset.UtcNow);
        Assert.False(health.Healthy);
        Assert.Equal(
            [("Store", V1.Condition.Types.Status.True, "Readable"), ("BlueChi/local", V1.Condition.Types.Status.False, "NotConnected")],
            health.Conditions.Select(static condition => (condition.Type, condition.Status, condition.Reason)));
        Assert.All(health.Conditions, static condition => Assert.NotEqual("", condition.Message));
    }

    [Fact, Trait("Requirement", "QMF-API-045")]
    public async Task Sites_AreListedWithWhetherTheirBlueChiIsHeard()
    {
        await using var controller = await RunningController.StartAsync();
        var sites = new V1.SiteService.SiteServiceClient(controller.Local());
        var link = controller.Service<BlueChiLink>();
        link.Disconnected("the bus is not there");
        var since = link.Since;
        link.Disconnected("the bus is still not there");

        var site = await sites.GetAsync(new V1.GetSiteRequest { Name = "local" }, cancellationToken: Ct);

        Assert.Equal(site, Assert.Single((await sites.ListAsync(new V1.ListSitesRequest(), cancellationToken: Ct)).Sites));
        Assert.Equal(("local", "system"), (site.Metadata.Name, site.Spec.Address));
        var connected = Assert.Single(site.Status.Conditions);
        Assert.Equal(("Connected", V1.Condition.Types.Status.False, "the bus is still not there"), (connected.Type, connected.Status, connected.Message));
        Assert.Equal(since, connected.Since.ToDateTimeOffset());
        var error = await Assert.ThrowsAsync<RpcException>(async () => await sites.GetAsync(new V1.GetSiteRequest { Name = "elsewhere" }, cancellationToken: Ct));
        Assert.Equal(StatusCode.NotFound, error.StatusCode);
    }

    [Fact, Trait("Requirement", "QMF-API-045")]
    public async Task GetConfiguration_OptionsGivenAndNot_AreToldWithWhereTheyComeFrom()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Given = new HashSet<string> { "--metrics", "--listen" });

        var settings = (await new V1.ServerService.ServerServiceClient(controller.Local()).GetConfigurationAsync(new V1.GetConfigurationRequest(), cancellationToken: Ct)).Settings;

        Assert.Equal(("off", "command line"), Of("--metrics"));
        Assert.Equal(("system", "default"), Of("--bus"));
        Assert.Equal(("5000", "default"), Of("--report-interval"));
        Assert.Equal(settings.Select(static setting => setting.Name).Order(StringComparer.Ordinal), settings.Select(static setting => setting.Name));

        (string, string) Of(string name) => settings.Single(setting => setting.Name == name) is var setting ? (setting.Value, setting.Source) : default;
    }

    [Fact, Trait("Requirement", "QMF-API-045")]
    public void Settings_OfTheCommandLine_AreAllOfItsOptions() => Assert.Equal(
        CommandLine.RunCommand().Options.Select(static option => option.Name).Order(StringComparer.Ordinal),
        ControllerSettings.Of(new ControllerOptions()).Select(static setting => setting.Name).Order(StringComparer.Ordinal));

    [Fact, Trait("Requirement", "QMF-API-045")]
    public void Settings_OfTheEnvironment_HideWhatNobodyNeedsToSee()
    {
        var environment = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Logging:LogLevel:Default"] = "Debug",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://collector:4317",
            ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "http://user:pass@collector:4317",
            ["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=abc",
            ["PATH"] = "/usr/bin",
        }).Build();

        Assert.Equal(
            [
                new("Logging__LogLevel__Default", "Debug", "environment"), new("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317", "environment"),
                new("OTEL_EXPORTER_OTLP_HEADERS", "(secret)", "environment"), new("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "(secret)", "environment"),
            ],
            ControllerSettings.Of(environment).OrderBy(static setting => setting.Name, StringComparer.Ordinal));
    }
}

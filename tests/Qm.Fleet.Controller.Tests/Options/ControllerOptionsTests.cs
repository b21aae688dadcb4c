using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Options;

public sealed class ControllerOptionsTests
{
    [Fact]
    public void Defaults_AreValid() => Assert.True(new ControllerOptionsValidator().Validate(null, new ControllerOptions()).Succeeded);

    [Fact]
    public void Build_EverythingWrong_NamesEveryOption()
    {
        var options = new ControllerOptions
        {
            State = "relative",
            Bus = "session",
            Listen = "localhost",
            Names = ["fine.example", "10.0.0.7", "not a name"],
            Socket = "relative.sock",
            Metrics = "0.0.0.0:9464",
            ReportInterval = TimeSpan.FromMilliseconds(99),
            UsageInterval = TimeSpan.FromMilliseconds(999),
            LinkConfirmWithin = TimeSpan.FromMilliseconds(999),
            CertificateLife = TimeSpan.FromSeconds(9),
            ArtifactSpaceBytes = (1L << 20) - 1,
            Limits = LimitOption.All.Aggregate(new ControllerLimits(), static (limits, option) => option.With(limits, option.Least - 1)),
        };

        var error = Assert.Throws<OptionsValidationException>(() => ControllerHost.Build(options));

        Assert.Equal(
            ["--state", "--bus", "--listen", "--name", "--socket", "--metrics", "--report-interval", "--usage-interval", "--link-confirm-within", "--artifact-space", "--certificate-life",
                .. LimitOption.All.Select(static option => option.Name)],
            error.Failures.Select(static failure => failure.Split(':')[0]));
        Assert.False(Directory.Exists("relative"));
    }

    [Fact]
    public void ServerNames_OtherNames_StandBesideTheHostsOwn() => Assert.Superset(
        new HashSet<string> { "localhost", "10.0.0.7", "controller.example" },
        Listeners.ServerNames(new ControllerOptions { Listen = "10.0.0.7:8420", Names = ["controller.example"] }).ToHashSet());

    [Theory]
    [InlineData("system")]
    [InlineData("unix:path=/run/dbus/system_bus_socket")]
    [InlineData("tcp:host=10.0.0.7,port=5555")]
    [InlineData("ssh:root@ecu1")]
    public void Bus_EveryTransportOfTheBinding_IsTaken(string bus) =>
        Assert.True(new ControllerOptionsValidator().Validate(null, new ControllerOptions { Bus = bus }).Succeeded);

    [Theory]
    [InlineData("127.0.0.1:8420", true)]
    [InlineData("0.0.0.0:0", true)]
    [InlineData("[::1]:8420", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("::1", false)]
    [InlineData("8420", false)]
    [InlineData("127.0.0.1:99999", false)]
    public void Listen_Text_IsAnAddressWithAPort(string text, bool isValid) => Assert.Equal(
        isValid, new ControllerOptionsValidator().Validate(null, new ControllerOptions { Listen = text }).Succeeded);

    [Fact]
    public void Socket_LongerThanTheKernelTakes_IsRefused() => Assert.True(new ControllerOptionsValidator()
        .Validate(null, new ControllerOptions { Socket = "/" + new string('x', 107) }).Failed);
}

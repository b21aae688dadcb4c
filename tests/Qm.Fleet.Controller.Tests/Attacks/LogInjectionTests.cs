using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Telemetry;
using Qm.Fleet.Controller.Tests.Gateway;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>Texts that nodes and strangers choose, where people read them.</summary>
[Trait("Requirement", "QMF-ATTACK-011")]
public sealed class LogInjectionTests
{
    private const string Evil = "a\r\n<3>crit: all is lost\u001b[2J\u001b]0;b\u0007\u009b31m\u202ec\u2066d\u2028e\u200bf\0g";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void Line_OfTheJournal_IsOneAndCarriesNoOrders()
    {
        using var written = new StringWriter();

        new JournalFormatter(TimeProvider.System).Write(
            new LogEntry<string>(LogLevel.Warning, "Category", new EventId(7), Evil + new string('x', 100_000), new InvalidOperationException(Evil), static (state, _) => state), null, written);

        var line = written.ToString();
        Assert.Single(line, static letter => letter == '\n');
        Assert.EndsWith("\n", line, StringComparison.Ordinal);
        AssertHarmless(line.TrimEnd('\n'));
        Assert.InRange(line.Length, 1, JournalFormatter.LongestLine + 20);
    }

    [Fact]
    public void Lines_OfTheFrameworkAboutOneThing_AreFewAndCountTheOthers()
    {
        var time = new FakeTimeProvider();
        var formatter = new JournalFormatter(time);
        using var written = new StringWriter();
        void Log(string category) => formatter.Write(new LogEntry<string>(LogLevel.Critical, category, new EventId(60), "too many", null, static (state, _) => state), null, written);

        for (var line = 0; line < 1000; line++)
        {
            Log("Microsoft.AspNetCore.Server.Kestrel.Http2");
        }
        time.Advance(TimeSpan.FromMinutes(1));
        Log("Microsoft.AspNetCore.Server.Kestrel.Http2");
        Log("Qm.Fleet.Controller");

        var lines = written.ToString().TrimEnd('\n').Split('\n');
        Assert.Equal((int)JournalFormatter.Foreign.Burst + 2, lines.Length);
        Assert.EndsWith("too many (990 more were left out)", lines[^2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Certificate_WithASubjectOfOrders_IsALineOfTheLog()
    {
        using var folder = new TemporaryFolder();
        using var controller = ControllerProcess.Start(folder);
        var ready = await controller.ReadyAsync();
        Assert.NotNull(ready);
        using var forged = Forger.Make($"CN=\"mallory\u001b[2J\u202e{(char)10}<3>crit: all is lost\"", issuer: null);
        using var authority = X509CertificateLoader.LoadCertificateFromFile(folder["state/pki/admin/ca.crt"]);
        using (var tcp = new System.Net.Sockets.TcpClient())
        {
            await tcp.ConnectAsync("127.0.0.1", new Uri(ready.Split(' ')[1]).Port, Ct);
            await using var tls = new System.Net.Security.SslStream(tcp.GetStream());
            await Record.ExceptionAsync(async () =>
            {
                await tls.AuthenticateAsClientAsync(
                    new System.Net.Security.SslClientAuthenticationOptions { TargetHost = "localhost", ClientCertificates = [forged], CertificateChainPolicy = RawTls.Trust(authority) }, Ct);
                await tls.ReadExactlyAsync(new byte[1], Ct);
            });
        }

        controller.Terminate();
        var (_, _, errors) = await controller.EndAsync();

        Assert.Contains("mallory?[2J??<3>crit: all is lost", errors, StringComparison.Ordinal);
        Assert.All(errors.TrimEnd('\n').Split('\n'), AssertHarmless);
    }

    [Fact]
    public async Task Event_OfWhatANodeSaid_IsHarmless()
    {
        await using var controller = await RunningController.StartAsync();
        using (var agent = await Agent.ConnectAsync(controller, "ecu1", Evil))
        {
            await agent.SendAsync(new V1.AgentMessage
            {
                OomKills = new() { Kills = { new V1.OomKill { Record = "kmsg:7", Comm = Evil, Unit = Evil, Killed = 1, Place = V1.OomKill.Types.Place.Nested } } },
            });
            Assert.NotNull((await agent.ReceiveAsync()).OomKillsTaken);
        }
        using (await Agent.ConnectAsync(controller, "ecu1", "another"))
        {
        }
        using (var impostor = await Agent.DialAsync(controller, "ecu1", Evil))
        {
            await Record.ExceptionAsync(impostor.ReceiveAsync);
        }
        await controller.Service<RefusalTrail>().NoteAsync("node:ecu1", Evil, Evil);

        var events = controller.Service<EventLog>().After(0, "", "", 100);

        Assert.NotEmpty(events);
        Assert.All(events, static told =>
        {
            AssertHarmless(told.Draft.Message.Replace("\n", "", StringComparison.Ordinal));
            AssertHarmless(told.Draft.Unit);
            AssertHarmless(told.Draft.Actor);
        });
        Assert.True(controller.Service<IAgentLinks>().Pulse("ecu1") is not null);
    }

    private static void AssertHarmless(string text) => Assert.DoesNotContain(text, static letter => char.GetUnicodeCategory(letter) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}

using System.Globalization;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Controller.Tests.Limits;

[Trait("Requirement", "QMF-LIMIT-003")]
public sealed class LimitDocumentTests
{
    [Fact]
    public async Task Page_OfTheLimits_HasEveryOptionWithItsDefaultAndBounds()
    {
        var rows = Rows(await PageAsync(), "| Option |");

        Assert.Equal(
            LimitOption.All.Select(static option => string.Create(
                CultureInfo.InvariantCulture, $"`{option.Name}` | {option.Description} | {option.Get(new ControllerLimits())} | {option.Least} to {option.Most}")),
            rows.Select(static row => string.Join(" | ", row.Take(4))));
        Assert.All(rows, static row => Assert.Contains(row[4].Trim('`'), LimitNames.All.Append("none")));
    }

    [Fact]
    public async Task Page_OfTheLimits_ExplainsEveryNameThatMetricsAndEventsHave() =>
        Assert.Equal(LimitNames.All, Rows(await PageAsync(), "| Limit |").Select(static row => row[0].Trim('`')));

    [Fact]
    public async Task Page_OfTheLimits_SaysHowLongAConnectionTooManyMayTakeToAsk()
    {
        Assert.Equal(TimeSpan.FromSeconds(10), ConnectionQuota.Patience);
        Assert.Contains("Where nothing is asked within ten seconds", await PageAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_OfTheLimits_HasWhatIsFixed()
    {
        var rows = Rows(await PageAsync(), "| Fixed |").Select(static row => (row[0], row[1]));

        Assert.Equal(
            [
                ("Connections, streams and single calls of a node at once", $"{CallerLimits.Node.Connections}, {CallerLimits.Node.Streams} and {CallerLimits.Node.Calls}"),
                ("Requests of a node per second", $"{CallerLimits.Node.Requests.PerSecond:0}"),
                ("Requests on the Unix socket", $"{CallerLimits.LocalFactor} times those of an identity"),
                ("Connections that are too many and are told so at once, of one client, and of all", $"{ConnectionQuota.RefusedOfOne} and {ConnectionQuota.MostRefused}"),
                ("Connections of all that have not come through their handshake", $"{HandshakeGate.MostUnfinished}"),
                ("Streams of a connection at once", $"{ServerLimits.StreamsPerConnection}"),
                ("Refusals of one client that are answered", $"{LimitRefusal.Heard.Burst:0} at once, then {LimitRefusal.Heard.PerSecond:0} per second"),
                ("Refusals that wait for their turn, of all who are known, and of all who are not", $"{LimitRefusal.MostWaiting} each"),
                ("Bytes of a connection of HTTP/2, of one of its streams, and of any connection that are taken before anybody reads them",
                    $"{ServerLimits.ConnectionWindowBytes >> 10} KiB, {ServerLimits.StreamWindowBytes >> 10} KiB and {ServerLimits.UnreadBytes >> 10} KiB"),
                ("Entries of a list of a report", $"{ReportBounds.MostEntries}"),
                ("Kills for memory in one message of an agent", $"{ReportBounds.MostKills}"),
                ("What is told of the usage of one cgroup", $"{ReportBounds.MostBytesOfUsage >> 10} KiB"),
                ("Events of a node per second, and at once; those of its kills for memory apart", $"{NodeEventPace.Most.PerSecond:0} and {NodeEventPace.Most.Burst:0}"),
                ("Units in QM of a node that are told to stand wrong in the OOM order", $"{OomOrder.MostTold}"),
                ("Headers of a request", $"{ServerLimits.Headers}, {ServerLimits.HeaderBytes >> 10} KiB together"),
                ("First line of a request of HTTP/1.1", $"{ServerLimits.RequestLineBytes >> 10} KiB"),
                ("A frame of HTTP/2", $"{ServerLimits.FrameBytes >> 10} KiB"),
                ("A message of FleetService or NodeService, and a body of REST", $"{MessageSizes.Manifests >> 20} MiB"),
                ("A message of ArtifactService or of an agent", $"{MessageSizes.Pieces >> 20} MiB"),
                ("A message of any other service", $"{MessageSizes.Other >> 10} KiB"),
                ("Time until headers are there", $"{ServerLimits.HeadersTimeout.TotalSeconds:0} s"),
                ("Time until a message or a body is there", $"{Controller.Rest.RestGuard.Patience.TotalSeconds:0} s"),
                ("Time on a connection without a request", $"{ServerLimits.IdleTimeout.TotalSeconds:0} s"),
                ("Time in which a peer answers a ping", $"{ServerLimits.Ping.TotalSeconds:0} s"),
                ("Wrong tokens of an address per minute", $"{Controller.Security.GuessLimit.Most}"),
            ],
            rows);
    }

    /// <summary>The cells of a table's rows, by how its head begins.</summary>
    private static List<string[]> Rows(string page, string head) =>
        [.. page.Split('\n').SkipWhile(line => !line.StartsWith(head, StringComparison.Ordinal)).Skip(2).TakeWhile(static line => line.StartsWith('|'))
            .Select(static line => line.Trim('|', ' ').Split(" | ", StringSplitOptions.TrimEntries))];

    private static Task<string> PageAsync() => File.ReadAllTextAsync(Checkout.Of("deploy/docs/limits.md"), TestContext.Current.CancellationToken);
}

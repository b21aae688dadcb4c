using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Grpc.Core;

namespace Qm.Fleet.Benchmarks.Floods;

/// <summary>The floods. Each does all it can, until its standard input ends, and says what came of it.</summary>
internal static class Attacks
{
    private const int Workers = 500;
    private const int Connections = 10;

    // Another address than the quiet client's.
    private static readonly IPAddress Elsewhere = IPAddress.Parse("127.0.0.2");

    /// <summary>All of them.</summary>
    internal static readonly IReadOnlyList<string> Names = ["nothing", "requests", "handshakes", "watches", "agent", "reports"];

    internal static async Task<int> RunAsync(string name, Uri address, string folder, CancellationToken ct)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var tally = new Tally();
        var flood = name switch
        {
            // How much two measurements of the same thing differ on this machine.
            "nothing" => Task.Delay(Timeout.Infinite, end.Token),
            "requests" => RequestsAsync(address, folder, tally, end.Token),
            "handshakes" => HandshakesAsync(address, FloodClient.Trust(folder, null, address.Host), tally, end.Token),
            "watches" => WatchesAsync(address, folder, tally, end.Token),
            "agent" => AgentAsync(address, folder, Chatter(), tally, end.Token),
            "reports" => AgentAsync(address, folder, Lies(), tally, end.Token),
            _ => throw new ArgumentException($"{name} is none of {string.Join(", ", Names)}", nameof(name)),
        };
        await Console.In.ReadToEndAsync(ct);
        await end.CancelAsync();
        await flood.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Console.WriteLine(tally);
        return 0;
    }

    // One identity that lists nodes on many connections at once, and takes no heed of what it is told.
    private static async Task RequestsAsync(Uri address, string folder, Tally tally, CancellationToken ct)
    {
        var headers = new Metadata { { "authorization", $"Bearer {await File.ReadAllTextAsync(Path.Combine(folder, "token"), ct)}" } };
        var clients = Enumerable.Range(0, Connections).Select(_ => new V1.NodeService.NodeServiceClient(FloodClient.Channel(address, folder, null, Elsewhere))).ToArray();
        await ForEachAsync(Workers, async worker => await tally.CountAsync(() =>
            clients[worker % Connections].ListAsync(new V1.ListNodesRequest { PageSize = 100 }, headers, cancellationToken: ct).ResponseAsync), ct);
    }

    // One address that shakes hands, and goes away.
    private static Task HandshakesAsync(Uri address, SslClientAuthenticationOptions trust, Tally tally, CancellationToken ct) => ForEachAsync(Workers, _ => tally.CountAsync(async () =>
    {
        await using var tls = new SslStream(new NetworkStream(await FloodClient.ConnectAsync(address, Elsewhere, ct), ownsSocket: true));
        await tls.AuthenticateAsClientAsync(trust, ct);
        return true;
    }), ct);

    // One identity that watches every node as often as it can, and reads next to nothing.
    private static async Task WatchesAsync(Uri address, string folder, Tally tally, CancellationToken ct)
    {
        var headers = new Metadata { { "authorization", $"Bearer {await File.ReadAllTextAsync(Path.Combine(folder, "token"), ct)}" } };
        var clients = Enumerable.Range(0, Connections).Select(_ => new V1.NodeService.NodeServiceClient(FloodClient.Channel(address, folder, null, Elsewhere))).ToArray();
        await ForEachAsync(2 * Workers, async worker => await tally.CountAsync(async () =>
        {
            using var watch = clients[worker % Connections].Watch(new V1.WatchNodesRequest(), headers, cancellationToken: ct);
            while (await watch.ResponseStream.MoveNext(ct))
            {
                await Task.Delay(TimeSpan.FromSeconds(1), ct);
            }

            return true;
        }), ct);
    }

    // What an agent has to say, as often as it can, and always something else.
    private static Func<int, V1.AgentMessage> Chatter()
    {
        var usage = new V1.Usage { Qm = new() { Unit = "qm.service" } };
        usage.Nested.AddRange(Enumerable.Range(0, 200).Select(static number => new V1.CgroupUsage { Unit = $"c{number}.service", MemoryCurrent = number }));
        return number => number % 2 == 0 ? new() { Report = new() { Revision = number.ToString(CultureInfo.InvariantCulture) } } : new() { Usage = usage };
    }

    // What costs the most to read, to judge and to write down for its size: as many small things as there is room for, which are all wrong in every other report.
    private static Func<int, V1.AgentMessage> Lies()
    {
        V1.AgentMessage[] both = [Told(-1), Told(1)];
        return number => both[number % 2];

        static V1.AgentMessage Told(int score) => new()
        {
            Report = new() { Oom = new() { Host = 0, Qm = 0, Nested = { Enumerable.Range(0, 5_000).Select(unit => new V1.UnitOom { Unit = unit.ToString("x", CultureInfo.InvariantCulture), Score = score }) } } },
        };
    }

    private static async Task AgentAsync(Uri address, string folder, Func<int, V1.AgentMessage> say, Tally tally, CancellationToken ct)
    {
        using var channel = FloodClient.Channel(address, folder, FloodClient.Certificate(Path.Combine(folder, "node"), "node"), Elsewhere);
        var client = new V1.NodeGateway.NodeGatewayClient(channel);
        while (!ct.IsCancellationRequested)
        {
            await tally.CountAsync<bool>(async () =>
            {
                using var call = client.Connect(cancellationToken: ct);
                await call.RequestStream.WriteAsync(new() { Hello = new() { Node = FloodSite.Name(0), Protocol = 1, BootId = "boot", Version = "0" } }, ct);
                await call.ResponseStream.MoveNext(ct);
                for (var number = 0; ; number++)
                {
                    await call.RequestStream.WriteAsync(say(number), ct);
                    tally.Served();
                }
            });
        }
    }

    private static async Task ForEachAsync(int workers, Func<int, Task> attack, CancellationToken ct) => await Task.WhenAll(Enumerable.Range(0, workers).Select(worker => Task.Run(
        async () =>
        {
            while (!ct.IsCancellationRequested)
            {
                await attack(worker);
            }
        },
        ct)));

    /// <summary>What came of what was tried.</summary>
    private sealed class Tally
    {
        private int _served;
        private int _refused;
        private int _cutOff;

        internal void Served() => Interlocked.Increment(ref _served);

        internal async Task CountAsync<T>(Func<Task<T>> attempt)
        {
            try
            {
                await attempt();
                Served();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                Interlocked.Increment(ref _refused);
            }
            catch (Exception e) when (e is RpcException or IOException or SocketException or AuthenticationException or OperationCanceledException)
            {
                Interlocked.Increment(ref _cutOff);
            }
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{_served} served, {_refused} refused, {_cutOff} cut off");
    }
}

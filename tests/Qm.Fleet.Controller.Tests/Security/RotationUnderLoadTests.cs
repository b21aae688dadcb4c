using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>Everything is exchanged while clients on real TLS call and watch: the server's certificate, the administrator's, the authority, and each client's own.</summary>
[Trait("Requirement", "QMF-PKI-003")]
[Trait("Requirement", "QMF-PKI-002")]
public sealed class RotationUnderLoadTests
{
    private const int Clients = 12;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rotate_WhileClientsCallAndWatch_RefusesNothingAndLosesNoStreamForMoreThanOneReconnect()
    {
        await using var controller = await RunningController.StartAsync();
        var pki = new V1.PkiService.PkiServiceClient(controller.Local());
        var clients = await Task.WhenAll(Enumerable.Range(1, Clients).Select(number => LoadingClient.StartAsync(controller, $"person{number}")));
        await CallsGoOnAsync(clients);

        await pki.RotateCertificateAsync(new() { Which = V1.RotateCertificateRequest.Types.Which.Server }, cancellationToken: Ct);
        await pki.RotateCertificateAsync(new() { Which = V1.RotateCertificateRequest.Types.Which.Admin }, cancellationToken: Ct);
        await CallsGoOnAsync(clients);
        Assert.All(clients, static client => Assert.Equal(0, client.Reconnects));

        var begun = await pki.RotateAuthorityAsync(new(), cancellationToken: Ct);
        Assert.Equal(Clients, begun.UsersOfOldCount);
        await CallsGoOnAsync(clients);
        Assert.All(clients, static client => Assert.Equal(0, client.Reconnects));

        // As agent extensions do that hear of another digest: one after the other, each in its own time.
        foreach (var client in clients)
        {
            await client.RenewAsync();
        }
        await CallsGoOnAsync(clients);
        Assert.Empty((await pki.GetPkiAsync(new(), cancellationToken: Ct)).UsersOfOld);
        var finished = await pki.FinishRotationAsync(new(), cancellationToken: Ct);
        Assert.Single(finished.Authorities);
        await CallsGoOnAsync(clients);

        // Whoever takes up the bundle once more finds the new one alone, and the server by it.
        await clients[0].RenewAsync();
        await CallsGoOnAsync(clients);
        var reconnects = clients.Select(static client => client.Reconnects).ToList();
        var failures = (await Task.WhenAll(clients.Select(static client => client.StopAsync()))).SelectMany(static failed => failed).ToList();
        Assert.Empty(failures);
        Assert.Equal([2, .. Enumerable.Repeat(1, Clients - 1)], reconnects);
    }

    /// <summary>Waits until each client has made calls that began after now.</summary>
    private static async Task CallsGoOnAsync(LoadingClient[] clients)
    {
        foreach (var client in clients)
        {
            await client.CallsAsync(3).WaitAsync(RunningController.Deadline, Ct);
        }
    }

    /// <summary>Calls without a pause, and watches; with a certificate that it renews when told, as an agent extension does.</summary>
    private sealed class LoadingClient : IDisposable
    {
        private readonly RunningController _controller;
        private readonly string _name;
        private readonly CancellationTokenSource _stop = new();
        private readonly ConcurrentQueue<string> _failures = new();
        private GrpcChannel _channel;
        private AsyncServerStreamingCall<V1.Event> _watch;
        private Task _calls = Task.CompletedTask;
        private Task _watching = Task.CompletedTask;
        private int _made;
        private int _reconnects;

        private LoadingClient(RunningController controller, string name, GrpcChannel channel)
        {
            (_controller, _name, _channel) = (controller, name, channel);
            _watch = Watch(channel);
        }

        public int Reconnects => Volatile.Read(ref _reconnects);

        public static async Task<LoadingClient> StartAsync(RunningController controller, string name)
        {
            var client = new LoadingClient(controller, name, await ChannelAsync(controller, name));
            await client._watch.ResponseHeadersAsync.WaitAsync(RunningController.Deadline, Ct);
            client._calls = client.CallAsync();
            client._watching = client.FollowAsync(client._watch);
            return client;
        }

        /// <summary>Takes a new certificate and what is to be trusted now, dials in anew, and only then lets go of the old connection.</summary>
        public async Task RenewAsync()
        {
            var (before, watched) = (_channel, _watch);
            var channel = await ChannelAsync(_controller, _name);
            var watch = Watch(channel);
            await watch.ResponseHeadersAsync.WaitAsync(RunningController.Deadline, Ct);
            Interlocked.Increment(ref _reconnects);
            (_watch, _watching) = (watch, FollowAsync(watch));
            Volatile.Write(ref _channel, channel);
            watched.Dispose();
            // What began on the old one ends there.
            await CallsAsync(2);
            before.Dispose();
        }

        public async Task CallsAsync(int more)
        {
            var aim = Volatile.Read(ref _made) + more;
            while (Volatile.Read(ref _made) < aim && _failures.IsEmpty)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), Ct);
            }
        }

        public async Task<IReadOnlyList<string>> StopAsync()
        {
            await _stop.CancelAsync();
            await _calls;
            _watch.Dispose();
            await _watching;
            Dispose();
            return [.. _failures];
        }

        public void Dispose()
        {
            _channel.Dispose();
            _stop.Dispose();
        }

        private static async Task<GrpcChannel> ChannelAsync(RunningController controller, string name)
        {
            using var person = await Person.IssueAsync(controller, name, "viewer");
            var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            trust.CustomTrustStore.ImportFromPem(person.Authorities);
            return GrpcChannel.ForAddress(controller.Https, new GrpcChannelOptions
            {
                HttpHandler = new SocketsHttpHandler
                {
                    SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = trust, ClientCertificates = [X509Certificate2.CreateFromPem(person.Pem, person.Key)] },
                },
                DisposeHttpClient = true,
            });
        }

        private static AsyncServerStreamingCall<V1.Event> Watch(GrpcChannel channel) =>
            new V1.EventService.EventServiceClient(channel).Watch(new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct);

        private async Task CallAsync()
        {
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    await new V1.FleetService.FleetServiceClient(Volatile.Read(ref _channel)).ListAsync(new(), deadline: DateTime.UtcNow + RunningController.Deadline, cancellationToken: Ct);
                    Interlocked.Increment(ref _made);
                }
                catch (RpcException e)
                {
                    _failures.Enqueue($"{_name}: {e.Status}");
                    return;
                }
            }
        }

        // A stream that ends without its client's doing is one that was lost.
        private async Task FollowAsync(AsyncServerStreamingCall<V1.Event> watch)
        {
            try
            {
                while (await watch.ResponseStream.MoveNext(Ct))
                {
                }
                _failures.Enqueue($"{_name}: the watch ended");
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Cancelled && !ReferenceEquals(watch, _watch) | _stop.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException e)
            {
                _failures.Enqueue($"{_name}: the watch ended: {e.Status}");
            }
        }
    }
}

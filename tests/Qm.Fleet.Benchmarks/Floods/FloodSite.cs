using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Benchmarks.Floods;

/// <summary>The controller as a process of its own, with nodes, and a quiet client with a certificate over TLS.</summary>
internal sealed class FloodSite : IAsyncDisposable
{
    private const int Changing = 50;
    private static readonly TimeSpan ChangeInterval = TimeSpan.FromMilliseconds(500);

    private readonly DirectoryInfo _directory;
    private readonly Process _process;
    private readonly string _address;
    private readonly GrpcChannel _local;
    private readonly GrpcChannel _quiet;
    private readonly HttpClient _metrics;
    private int _changes;

    private FloodSite(DirectoryInfo directory, Process process, string address, int metrics, int count)
    {
        (_directory, _process, _address, Count) = (directory, process, address, count);
        _metrics = new() { BaseAddress = new($"http://127.0.0.1:{metrics}") };
        _local = Local(Path.Combine(directory.FullName, "qmfleet.sock"));
        _quiet = FloodClient.Channel(new(address), directory.FullName, FloodClient.Certificate(Path.Combine(State, "pki/admin"), "admin"));
        Nodes = new(_quiet);
    }

    internal int Count { get; }

    internal V1.NodeService.NodeServiceClient Nodes { get; }

    /// <summary>Bytes the controller holds.</summary>
    internal long Memory
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    private string State => Path.Combine(_directory.FullName, "state");

    internal static string Name(int node) => string.Create(CultureInfo.InvariantCulture, $"ecu{node}");

    internal static async Task<FloodSite> StartAsync(int nodes, bool isUnlimited, CancellationToken ct)
    {
        var directory = Directory.CreateTempSubdirectory("qmfleet-flood-");
        string[] free = isUnlimited ? [.. LimitOption.All.Where(static limit => limit.Name is not "--handshake-timeout" and not "--connections").SelectMany(static limit => new[] { limit.Name, "100000" })] : [];
        var metrics = FreePort();
        var process = Process.Start(new ProcessStartInfo(
            Path.Combine(AppContext.BaseDirectory, "qm-fleet-controller"),
            [
                "run", "--state", Path.Combine(directory.FullName, "state"), "--listen", "127.0.0.1:0", "--socket", Path.Combine(directory.FullName, "qmfleet.sock"), "--metrics", $"127.0.0.1:{metrics}",
                "--bus", $"unix:path={directory.FullName}/nobody", .. free,
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        // What it logs is not of interest, but has to go somewhere.
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        var ready = await process.StandardOutput.ReadLineAsync(ct) ?? throw new InvalidOperationException("The controller did not start.");
        var site = new FloodSite(directory, process, ready.Split(' ')[1], metrics, nodes);
        var admin = new V1.NodeService.NodeServiceClient(site._local);
        foreach (var some in Enumerable.Range(0, nodes).Chunk(500))
        {
            await admin.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { some.Select(static number => Node(number, 0)) } }, cancellationToken: ct);
        }

        var token = await new V1.AccessService.AccessServiceClient(site._local).CreateTokenAsync(new V1.CreateTokenRequest { Name = "flooder", Role = "viewer" }, cancellationToken: ct);
        await File.WriteAllTextAsync(Path.Combine(directory.FullName, "token"), token.Secret, ct);
        using var pki = Pki.Open(site.State, TimeProvider.System);
        pki.IssueNode(Name(0), Path.Combine(directory.FullName, "node"));
        return site;
    }

    /// <summary>Changes nodes until it is cancelled.</summary>
    internal async Task ChangeAsync(CancellationToken ct)
    {
        var admin = new V1.NodeService.NodeServiceClient(_local);
        try
        {
            while (true)
            {
                await Task.Delay(ChangeInterval, ct);
                _changes++;
                await admin.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Enumerable.Range(0, Math.Min(Changing, Count)).Select(number => Node(number, _changes)) } }, cancellationToken: ct);
            }
        }
        catch (Exception e) when (ct.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            // As asked.
        }
    }

    /// <summary>What the controller has spent since it began.</summary>
    internal async Task<Cost> CostAsync(CancellationToken ct)
    {
        var lines = (await _metrics.GetStringAsync("/metrics", ct)).Split('\n');
        _process.Refresh();
        return new(_process.TotalProcessorTime, TimeSpan.FromSeconds(Sum("dotnet_gc_pause_time_seconds_total")), Sum("dotnet_gc_heap_total_allocated_bytes_total"), Sum("dotnet_gc_collections_total", "gen2"));

        double Sum(string name, string label = "") => lines.Where(line => line.StartsWith(name, StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
            .Select(static line => double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)).DefaultIfEmpty(double.NaN).Sum();
    }

    /// <summary>Begins a flood, which ends with its standard input.</summary>
    internal Process Flood(string name) => Process.Start(new ProcessStartInfo(
        "/usr/bin/chrt", ["--idle", "0", Path.Combine(AppContext.BaseDirectory, "Qm.Fleet.Benchmarks"), "flooder", name, _address, _directory.FullName])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!;

    public async ValueTask DisposeAsync()
    {
        _local.Dispose();
        _quiet.Dispose();
        _metrics.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _directory.Delete(recursive: true);
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static V1.Node Node(int number, int change) => new()
    {
        Metadata = new() { Name = Name(number), Labels = { { "zone", "cockpit" }, { "change", change.ToString(CultureInfo.InvariantCulture) } } },
    };

    private static GrpcChannel Local(string path) => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
                return new NetworkStream(socket, ownsSocket: true);
            },
        },
        DisposeHttpClient = true,
    });
}

/// <summary>Connections over TLS to the controller of a folder.</summary>
internal static class FloodClient
{
    internal static GrpcChannel Channel(Uri address, string folder, X509Certificate2? certificate, IPAddress? from = null) => GrpcChannel.ForAddress(
        address, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { SslOptions = Trust(folder, certificate), ConnectCallback = from is null ? null : async (_, ct) => new NetworkStream(await ConnectAsync(address, from, ct), ownsSocket: true) }, DisposeHttpClient = true });

    /// <summary>Connects from an address of this machine.</summary>
    internal static async Task<Socket> ConnectAsync(Uri address, IPAddress from, CancellationToken ct)
    {
        var socket = new Socket(from.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Bind(new IPEndPoint(from, 0));
            await socket.ConnectAsync(address.Host, address.Port, ct);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    internal static SslClientAuthenticationOptions Trust(string folder, X509Certificate2? certificate, string? host = null)
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(X509CertificateLoader.LoadCertificateFromFile(Path.Combine(folder, "state/pki/admin/ca.crt")));
        return new() { TargetHost = host, CertificateChainPolicy = trust, ClientCertificates = certificate is null ? null : [certificate] };
    }

    internal static X509Certificate2 Certificate(string folder, string name) => X509Certificate2.CreateFromPemFile(Path.Combine(folder, $"{name}.crt"), Path.Combine(folder, $"{name}.key"));
}

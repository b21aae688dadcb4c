using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A gRPC server in this process on a Unix socket, or on TLS of the loopback, with services that a test leads.</summary>
internal sealed class FakeServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string? _socketDirectory;

    private FakeServer(WebApplication app, string? socketDirectory)
    {
        _app = app;
        _socketDirectory = socketDirectory;
    }

    public FakeFleets Fleets => _app.Services.GetRequiredService<FakeFleets>();

    public FakeRevisions Revisions => _app.Services.GetRequiredService<FakeRevisions>();

    public FakeNodes Nodes => _app.Services.GetRequiredService<FakeNodes>();

    public FakeEvents Events => _app.Services.GetRequiredService<FakeEvents>();

    public FakeDiagnostics Diagnostics => _app.Services.GetRequiredService<FakeDiagnostics>();

    public FakeArtifacts Artifacts => _app.Services.GetRequiredService<FakeArtifacts>();

    public FakeOperations Operations => _app.Services.GetRequiredService<FakeOperations>();

    public FakeRollouts Rollouts => _app.Services.GetRequiredService<FakeRollouts>();

    public FakeSites Sites => _app.Services.GetRequiredService<FakeSites>();

    public FakeAudit Audit => _app.Services.GetRequiredService<FakeAudit>();

    public FakeController Controller => _app.Services.GetRequiredService<FakeController>();

    public FakeAccess Access => _app.Services.GetRequiredService<FakeAccess>();

    public FakePki Pki => _app.Services.GetRequiredService<FakePki>();

    public FakeEnrollments Enrollments => _app.Services.GetRequiredService<FakeEnrollments>();

    public FakeHostUnits HostUnits => _app.Services.GetRequiredService<FakeHostUnits>();

    /// <summary>Who each call said it is by, in its authorization header, and with its certificate; empty where it had none.</summary>
    public ConcurrentQueue<(string Authorization, string Certificate)> Callers { get; private init; } = new();

    /// <summary>As --server wants it.</summary>
    public string Address { get; private init; } = "";

    public static async Task<FakeServer> OnSocketAsync()
    {
        // A socket's path may have 107 bytes, which the tests' own directory might exceed.
        var directory = Directory.CreateTempSubdirectory("qmcli-").FullName;
        var socket = Path.Combine(directory, "s");
        var (app, callers) = await StartAsync(kestrel => kestrel.ListenUnixSocket(socket, listen => listen.Protocols = HttpProtocols.Http2));
        return new(app, directory) { Address = $"unix:{socket}", Callers = callers };
    }

    /// <summary>Wants a client certificate of the authority, or takes callers without one, too.</summary>
    public static async Task<FakeServer> OnTlsAsync(TestPki pki, ClientCertificateMode mode = ClientCertificateMode.RequireCertificate)
    {
        var (app, callers) = await StartAsync(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(tls =>
        {
            tls.ServerCertificate = pki.Server;
            tls.ClientCertificateMode = mode;
            tls.ClientCertificateValidation = (certificate, _, _) => certificate.Issuer == pki.Authority.Subject;
        })));
        return new(app, null) { Address = app.Urls.Single(), Callers = callers };
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        if (_socketDirectory is not null)
        {
            Directory.Delete(_socketDirectory, recursive: true);
        }
    }

    private static async Task<(WebApplication App, ConcurrentQueue<(string, string)> Callers)> StartAsync(Action<KestrelServerOptions> listen)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(listen);
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<FakeFleets>().AddSingleton<FakeRevisions>().AddSingleton<FakeNodes>().AddSingleton<FakeEvents>().AddSingleton<FakeDiagnostics>().AddSingleton<FakeArtifacts>()
            .AddSingleton<FakeOperations>().AddSingleton<FakeRollouts>().AddSingleton<FakeSites>().AddSingleton<FakeController>().AddSingleton<FakeAudit>().AddSingleton<FakeAccess>().AddSingleton<FakePki>();
        builder.Services.AddSingleton<FakeEnrollments>().AddSingleton<FakeHostUnits>();
        var app = builder.Build();
        var callers = new ConcurrentQueue<(string, string)>();
        app.Use((call, next) =>
        {
            callers.Enqueue((call.Request.Headers.Authorization.ToString(), call.Connection.ClientCertificate?.Subject ?? ""));
            return next(call);
        });
        app.MapGrpcService<FakeFleets>();
        app.MapGrpcService<FakeRevisions>();
        app.MapGrpcService<FakeNodes>();
        app.MapGrpcService<FakeEvents>();
        app.MapGrpcService<FakeDiagnostics>();
        app.MapGrpcService<FakeArtifacts>();
        app.MapGrpcService<FakeOperations>();
        app.MapGrpcService<FakeRollouts>();
        app.MapGrpcService<FakeSites>();
        app.MapGrpcService<FakeController>();
        app.MapGrpcService<FakeAudit>();
        app.MapGrpcService<FakeAccess>();
        app.MapGrpcService<FakePki>();
        app.MapGrpcService<FakeEnrollments>();
        app.MapGrpcService<FakeHostUnits>();
        await app.StartAsync();
        return (app, callers);
    }
}

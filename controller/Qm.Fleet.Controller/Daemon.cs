using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Telemetry;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller;

/// <summary>Puts the controller together and runs it.</summary>
internal static class Daemon
{
    private const int MaxMessageBytes = 4 * 1024 * 1024;
    private static readonly TimeSpan ShutdownDeadline = TimeSpan.FromSeconds(5);

    /// <summary>Serves until cancelled or told to end; prints one line on standard output when it is ready.</summary>
    internal static async Task RunAsync(ControllerOptions options, CancellationToken ct)
    {
        DurableFolder.Create(options.State);
        using var held = StateLock.Take(options.State);
        using var pki = Pki.Open(options.State, TimeProvider.System);
        pki.EnsureAdmin();
        await using var app = Build(options, pki);
        await app.Services.GetRequiredService<NodeStore>().EnsureSiteAsync(NodeParser.DefaultSite, options.Bus, ct);
        PrepareSocket(options.Socket);
        await app.StartAsync(ct);
        File.SetUnixFileMode(options.Socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .First(candidate => candidate.StartsWith("https", StringComparison.Ordinal));
        await Console.Out.WriteLineAsync($"ready {address} unix:{options.Socket}");
        await Console.Out.FlushAsync(ct);
        await app.WaitForShutdownAsync(ct);
    }

    internal static WebApplication Build(ControllerOptions options, Pki pki)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Host.UseSystemd();
        builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("Microsoft.Hosting", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning);
        builder.AddTelemetry(options);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownDeadline);
        builder.Services
            .AddSingleton(TimeProvider.System)
            .AddSingleton(Microsoft.Extensions.Options.Options.Create(options))
            .AddSingleton(pki)
            .AddSingleton<IConfigureOptions<KestrelServerOptions>, Listeners>()
            .AddSingleton<ChangeFeed>()
            .AddSingleton(services => Database.Open(
                Path.Combine(options.State, "fleet.db"), services.GetRequiredService<ChangeFeed>(), services.GetRequiredService<TimeProvider>()))
            .AddSingleton<FleetStore>()
            .AddSingleton<NodeStore>()
            .AddSingleton<EventStore>()
            .AddSingleton<IReconcileStore, ReconcileStore>()
            .AddSingleton<AgentLinks>()
            .AddSingleton<IAgentLinks>(services => services.GetRequiredService<AgentLinks>())
            .AddSingleton(new BlueChiOptions { Address = options.Bus })
            .AddReconcile();
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = MaxMessageBytes;
            grpc.Interceptors.Add<StoreErrors>();
        }).AddServiceOptions<NodeGatewayService>(gateway => gateway.MaxReceiveMessageSize = NodeGatewayService.MaxMessageBytes);
        builder.Services.AddGrpcHealthChecks();

        var app = builder.Build();
        app.UseRouting();
        app.UseMiddleware<AccessGate>();
        app.MapGrpcService<FleetApi>();
        app.MapGrpcService<NodeApi>();
        app.MapGrpcService<EventApi>();
        app.MapGrpcService<NodeGatewayService>();
        app.MapGrpcHealthChecksService();
        if (options.MetricsEndPoint is not null)
        {
            app.MapPrometheusScrapingEndpoint("/metrics").WithMetadata(new AccessRule(Role.Scraper));
        }

        TelemetryServices.ObserveAgents(app.Services.GetRequiredService<AgentLinks>());
        return app;
    }

    // The lock is ours, so a socket that is still there belongs to nobody.
    private static void PrepareSocket(string path)
    {
        DurableFolder.Create(Path.GetDirectoryName(path)!);
        File.Delete(path);
    }
}

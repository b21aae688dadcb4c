using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Api.Watches;
using Qm.Fleet.Controller.Artifacts;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Operations;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Plans;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Rest;
using Qm.Fleet.Controller.Rest.OpenApi;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Security.Oidc;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Telemetry;
using Qm.Fleet.Core.Access;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller;

/// <summary>Puts the daemon together.</summary>
internal static class ControllerHost
{
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Takes the state folder, opens keys and database, and wires everything; nothing listens yet.</summary>
    /// <param name="options">How to run.</param>
    /// <param name="configure">Last word on the services, for tests; null for none.</param>
    /// <exception cref="OptionsValidationException">Options are wrong; every problem is in it.</exception>
    /// <exception cref="StoreException">The state folder is in use, or its database does not open.</exception>
    /// <exception cref="PkiException">The state folder's keys do not read.</exception>
    public static WebApplication Build(ControllerOptions options, Action<IServiceCollection>? configure = null)
    {
        if (new ControllerOptionsValidator().Validate(null, options) is { Failed: true } invalid)
        {
            throw new OptionsValidationException("", typeof(ControllerOptions), invalid.Failures);
        }
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "qm-fleet-controller" });
        builder.Configuration.AddEnvironmentVariables();
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning);
        // Every request that does not read is an error to it, with a stack; what is a defect is logged by FailureInterceptor.
        builder.Logging.AddFilter("Grpc.AspNetCore.Server.ServerCallHandler", LogLevel.Critical);
        builder.Logging.AddJournal();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        var services = builder.Services;
        services.AddSystemd();
        services.Configure<ConsoleLifetimeOptions>(static console => console.SuppressStatusMessages = true);
        services.Configure<HostOptions>(static host => host.ShutdownTimeout = ShutdownTimeout);
        services.AddSingleton(Microsoft.Extensions.Options.Options.Create(options));
        services.AddSingleton(TimeProvider.System);
        services.AddState(options).AddApi().AddTelemetry(options, builder.Configuration);
        services.AddSingleton(new BlueChiOptions { Address = options.Bus }).AddReconcile();
        configure?.Invoke(services);

        var app = builder.Build();
        app.Services.GetRequiredService<Pki>().Sweep();
        app.Services.GetRequiredService<CertificateDesk>();
        app.Services.GetRequiredService<Pki>().EnsureAdmin();
        app.Services.GetRequiredService<Database>();
        app.Services.GetRequiredService<ControllerMetrics>();
        app.Services.GetRequiredService<CertificateMetrics>();
        app.Services.GetRequiredService<ServerApi>();
        app.Map(options);
        return app;
    }

    /// <summary>Begins to serve.</summary>
    /// <returns>The addresses, such as <c>https://127.0.0.1:8420 unix:/run/qm-fleet/qmfleet.sock</c>.</returns>
    public static async Task<string> ServeAsync(WebApplication app, CancellationToken ct)
    {
        var options = app.Services.GetRequiredService<IOptions<ControllerOptions>>().Value;
        await app.Services.GetRequiredService<NodeStore>().EnsureSiteAsync(NodeParser.DefaultSite, options.Bus, ct).ConfigureAwait(false);
        await app.Services.GetRequiredService<ArtifactUploads>().SweepAsync(ct).ConfigureAwait(false);
        UnixSocketFile.Prepare(options.Socket);
        UnixSocketFile.Prepare(options.RestSocket);
        await app.StartAsync(ct).ConfigureAwait(false);
        UnixSocketFile.Restrict(options.Socket);
        UnixSocketFile.Restrict(options.RestSocket);
        var addresses = app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses;
        return $"{addresses.First(static address => address.StartsWith("https:", StringComparison.Ordinal))} unix:{options.Socket}";
    }

    private static IServiceCollection AddState(this IServiceCollection services, ControllerOptions options)
    {
        services.AddSingleton<ChangeFeed>();
        services.AddSingleton(_ =>
        {
            DurableFolder.Create(options.State);
            return StateLock.Take(options.State);
        });
        services.AddSingleton(provider => Pki.Open(options.State, provider.Locked().GetRequiredService<TimeProvider>(), new(options.AuthorityLife, options.CertificateLife)));
        services.AddSingleton(provider => Database.Open(
            Path.Combine(options.State, "fleet.db"), provider.Locked().GetRequiredService<ChangeFeed>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(new ArtifactFolder(options.State, static folder => new DriveInfo(folder).AvailableFreeSpace, new FolderCalls())).AddSingleton(new ArtifactLimits { TotalBytes = options.ArtifactSpaceBytes });
        services.AddSingleton<ArtifactStore>().AddSingleton<ArtifactUploads>();
        services.AddSingleton<OperationStore>().AddSingleton<OperationList>().AddSingleton<Mutations>();
        services.AddSingleton<FleetStore>().AddSingleton<RolloutStore>().AddSingleton<NodeStore>().AddSingleton<SiteStore>().AddSingleton<EventLog>().AddSingleton<OomKillStore>().AddSingleton<AccessStore>();
        services.AddSingleton<CertificateStore>().AddSingleton<CertificateDesk>().AddSingleton<CertifiedConnections>();
        services.AddSingleton(static provider => provider.GetRequiredService<Pki>().Peers()).AddSingleton<NodeStanding>();
        services.AddHostedService<StandingKeeper>();
        services.AddSingleton<PkiKeeper>().AddHostedService(static provider => provider.GetRequiredService<PkiKeeper>());
        services.AddSingleton<EnrollmentStore>().AddSingleton<JoinTokenStore>();
        services.AddSingleton<HostUnitStore>();
        return services.AddSingleton<IReconcileStore, ReconcileStore>();
    }

    /// <summary>Nothing in the state folder is touched before it is ours.</summary>
    private static IServiceProvider Locked(this IServiceProvider provider)
    {
        provider.GetRequiredService<StateLock>();
        return provider;
    }

    private static IServiceCollection AddApi(this IServiceCollection services)
    {
        services.AddSingleton<IConfigureOptions<KestrelServerOptions>, Listeners>();
        services.AddSingleton<AgentLinks>().AddSingleton<IAgentLinks>(static provider => provider.GetRequiredService<AgentLinks>());
        services.AddSingleton<WatchStreams>().AddWatches();
        services.AddGrpc(static grpc =>
        {
            grpc.Interceptors.Add<FailureInterceptor>();
            grpc.Interceptors.Add<AccessInterceptor>();
        }).AddMessageSizes().AddRest();
        services.AddGrpcReflection();
        services.AddSingleton<OpenApiDownload>();
        services.AddSingleton<FailureInterceptor>().AddSingleton<AccessInterceptor>();
        services.AddSingleton<AccessDesk>().AddSingleton<BearerTokens>().AddSingleton<GuessLimit>().AddSingleton<RefusalTrail>().AddSingleton<AccessApi>();
        services.AddSingleton<PkiApi>();
        services.AddSingleton<LimitTrail>().AddSingleton<LimitRefusal>().AddSingleton<HandshakeGate>().AddSingleton<ConnectionQuota>();
        services.AddSingleton<ILinkGuard, LinkGuard>().AddSingleton<PeerAddresses>();
        services.AddSingleton<HostUnitApi>();
        services.AddSingleton<OidcTokens>();
        services.AddSingleton<FleetPlans>().AddSingleton<EffectiveAnswer>().AddSingleton<TopRounds>();
        services.AddSingleton<FleetApi>().AddSingleton<RevisionApi>().AddSingleton<RolloutApi>().AddSingleton<NodeApi>().AddSingleton<OperationApi>().AddSingleton<EventApi>().AddSingleton<AuditApi>();
        services.AddSingleton<SiteApi>().AddSingleton<ServerApi>().AddSingleton<DiagnosticsApi>().AddSingleton<NodeGatewayService>();
        services.AddSingleton<ArtifactApi>().AddSingleton<ArtifactDownloads>();
        services.AddSingleton<INodeCertificates, PkiNodeCertificates>().AddSingleton<INodeStanding>(static provider => provider.GetRequiredService<NodeStanding>()).AddSingleton<IPeerAddresses, BlueChiPeers>();
        services.AddSingleton<JoinTokens>().AddSingleton<EnrollmentDesk>().AddSingleton<EnrollmentApi>().AddSingleton<AgentRenewals>();
        services.AddGrpcHealthChecks().AddCheck<StoreHealth>("store", HealthStatus.Unhealthy);
        return services;
    }

    private static void Map(this WebApplication app, ControllerOptions options)
    {
        app.UseRouting();
        app.UseMiddleware<SiteGuard>();
        app.UseMiddleware<SurplusRefusal>();
        app.UseMiddleware<AddressQuota>();
        app.UseMiddleware<AccessGate>();
        app.UseMiddleware<CallerQuota>();
        app.UseMiddleware<RequestBytes>();
        app.UseMiddleware<UnreadableRequests>();
        app.UseMiddleware<RestGuard>();
        app.MapGrpcService<FleetApi>();
        app.MapGrpcService<RevisionApi>();
        app.MapGrpcService<RolloutApi>();
        app.MapGrpcService<NodeApi>();
        app.MapGrpcService<OperationApi>();
        app.MapGrpcService<EventApi>();
        app.MapGrpcService<AuditApi>();
        app.MapGrpcService<SiteApi>();
        app.MapGrpcService<ServerApi>();
        app.MapGrpcService<DiagnosticsApi>();
        app.MapGrpcService<ArtifactApi>();
        app.MapGrpcService<AccessApi>();
        app.MapGrpcService<PkiApi>();
        app.MapGrpcService<EnrollmentApi>();
        app.MapGrpcService<HostUnitApi>();
        app.MapGrpcService<NodeGatewayService>();
        app.MapGet(ArtifactDownloads.Route, static (HttpContext context, ArtifactDownloads downloads) => downloads.ServeAsync(context)).WithMetadata(new EndpointRule("connect", AccessResource.Gateway));
        app.MapGrpcHealthChecksService();
        app.MapGrpcReflectionService();
        app.MapGet(OpenApiWriter.Route, static (HttpContext context, OpenApiDownload document) => document.ServeAsync(context)).WithMetadata(new EndpointRule("get", AccessResource.Server));
        if (options.MetricsEndPoint is not null)
        {
            app.MapPrometheusScrapingEndpoint().WithMetadata(new EndpointRule("get", AccessResource.Metrics));
        }
    }
}

using System.Reflection;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed class ServerApi(EventLog log, BlueChiLink blueChi, IOptions<ControllerOptions> options, IConfiguration environment, TimeProvider time) : V1.ServerService.ServerServiceBase
{
    private readonly DateTimeOffset _started = time.GetUtcNow();
    private readonly Lock _gate = new();
    private (string Failure, DateTimeOffset Since)? _store;

    /// <inheritdoc/>
    public override Task<V1.ServerVersion> GetVersion(V1.GetVersionRequest request, ServerCallContext context) => Task.FromResult(new V1.ServerVersion
    {
        Version = typeof(ServerApi).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
        Api = V1.Node.Descriptor.File.Package,
        Runtime = System.Environment.Version.ToString(),
        StartedAt = _started.ToTimestamp(),
    });

    /// <inheritdoc/>
    public override Task<V1.ServerHealth> GetHealth(V1.GetHealthRequest request, ServerCallContext context)
    {
        V1.Condition[] conditions = [Store(), blueChi.ToWire($"BlueChi/{NodeParser.DefaultSite}")];
        return Task.FromResult(new V1.ServerHealth
        {
            Healthy = conditions.All(static condition => condition.Status == V1.Condition.Types.Status.True),
            Conditions = { conditions },
        });
    }

    /// <inheritdoc/>
    public override Task<V1.ServerConfiguration> GetConfiguration(V1.GetConfigurationRequest request, ServerCallContext context) => Task.FromResult(new V1.ServerConfiguration
    {
        Settings =
        {
            ControllerSettings.Of(options.Value).Concat(ControllerSettings.Of(environment)).OrderBy(static setting => setting.Name, StringComparer.Ordinal)
                .Select(static setting => new V1.ServerSetting { Name = setting.Name, Value = setting.Value, Source = setting.Source }),
        },
    });

    // It is looked at when somebody asks, so it is so at least since somebody did.
    private V1.Condition Store()
    {
        var (failure, events) = ("", 0L);
        try
        {
            events = log.LastNumber();
        }
        catch (StoreException e)
        {
            failure = e.Message;
        }

        lock (_gate)
        {
            _store = _store is { } known && (known.Failure.Length > 0) == (failure.Length > 0) ? (failure, known.Since) : (failure, _store is null && failure.Length == 0 ? _started : time.GetUtcNow());
            return new()
            {
                Type = "Store",
                Status = failure.Length == 0 ? V1.Condition.Types.Status.True : V1.Condition.Types.Status.False,
                Reason = failure.Length == 0 ? "Readable" : "NotReadable",
                Message = failure.Length == 0 ? $"The database is read; its log has {events} events." : failure,
                Since = _store.Value.Since.ToTimestamp(),
            };
        }
    }
}

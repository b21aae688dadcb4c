using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Healthy while the database can be read.</summary>
internal sealed class StoreHealth(EventLog log) : IHealthCheck
{
    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            return Task.FromResult(HealthCheckResult.Healthy($"{log.LastNumber()} events"));
        }
        catch (StoreException e)
        {
            return Task.FromResult(HealthCheckResult.Unhealthy(e.Message, e));
        }
    }
}

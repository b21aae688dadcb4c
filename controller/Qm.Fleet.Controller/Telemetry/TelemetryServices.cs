using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Qm.Fleet.Controller.Options;

namespace Qm.Fleet.Controller.Telemetry;

/// <summary>Where metrics and traces go.</summary>
internal static class TelemetryServices
{
    /// <summary>
    /// Metrics for the scrape endpoint when there is one; metrics and traces over OTLP when a standard OTEL_EXPORTER_OTLP_* endpoint is set.
    /// Without either, nothing is collected.
    /// </summary>
    public static IServiceCollection AddTelemetry(this IServiceCollection services, ControllerOptions options, IConfiguration environment)
    {
        services.AddMetrics();
        services.AddSingleton<ControllerMetrics>();
        services.AddSingleton<CertificateMetrics>();
        var hasOtlp = environment.AsEnumerable().Any(static entry =>
            entry.Key.StartsWith("OTEL_EXPORTER_OTLP_", StringComparison.Ordinal) && entry.Key.EndsWith("ENDPOINT", StringComparison.Ordinal));
        if (!hasOtlp && options.MetricsEndPoint is null)
        {
            return services;
        }
        var telemetry = services.AddOpenTelemetry().ConfigureResource(static resource => resource.AddService("qm-fleet-controller"));
        telemetry.WithMetrics(metrics =>
        {
            metrics.AddMeter(Sources.Name).AddAspNetCoreInstrumentation().AddRuntimeInstrumentation();
            if (options.MetricsEndPoint is not null)
            {
                metrics.AddPrometheusExporter();
            }
        });
        if (hasOtlp)
        {
            telemetry.WithTracing(static traces => traces.AddSource(Sources.Name).AddAspNetCoreInstrumentation());
            telemetry.UseOtlpExporter();
        }
        return services;
    }
}

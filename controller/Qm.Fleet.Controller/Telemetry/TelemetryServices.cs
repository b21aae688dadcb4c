using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Options;

namespace Qm.Fleet.Controller.Telemetry;

/// <summary>Wires OpenTelemetry: Prometheus on loopback where asked for, OTLP where the standard variables say so.</summary>
internal static class TelemetryServices
{
    private static readonly string[] OtlpVariables = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    internal static void AddTelemetry(this WebApplicationBuilder builder, ControllerOptions options)
    {
        var otlp = OtlpVariables.Any(variable => !string.IsNullOrEmpty(builder.Configuration[variable]));
        if (!otlp && options.MetricsEndPoint is null)
        {
            return;
        }

        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("qm-fleet-controller"))
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(Sources.Name).AddAspNetCoreInstrumentation().AddRuntimeInstrumentation();
                if (options.MetricsEndPoint is not null)
                {
                    metrics.AddPrometheusExporter();
                }

                if (otlp)
                {
                    metrics.AddOtlpExporter();
                }
            });
        if (otlp)
        {
            telemetry.WithTracing(traces => traces.AddSource(Sources.Name).AddAspNetCoreInstrumentation().AddOtlpExporter());
        }
    }

    internal static void ObserveAgents(AgentLinks links) =>
        Sources.Meter.CreateObservableGauge("qm_fleet_agents_connected", () => links.ConnectedCount, "{agent}", "Agent extensions being heard");
}

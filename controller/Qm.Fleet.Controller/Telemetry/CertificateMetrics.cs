using System.Diagnostics.Metrics;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Telemetry;

/// <summary>How long the certificates that are in use still hold.</summary>
internal sealed class CertificateMetrics
{
    /// <summary>Registers the instrument.</summary>
    public CertificateMetrics(IMeterFactory meters, CertificateDesk desk, TimeProvider time) => meters.Create(Sources.Name).CreateObservableGauge(
        "qm_fleet_certificate_left",
        () => desk.Known().Select(known => new Measurement<double>(
            (known.Life.Ends - time.GetUtcNow()).TotalSeconds, new("kind", known.Kind.ToString().ToLowerInvariant()), new("name", known.Name))),
        "s", "How long a certificate still holds, by kind (authority, server, admin, and node and person while they are connected) and name; negative when it has ended");
}

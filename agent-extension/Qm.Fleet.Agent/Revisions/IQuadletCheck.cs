using Qm.Fleet.Agent.Evidence;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>Asks the node's own quadlet generator whether qm.service would still come out.</summary>
internal interface IQuadletCheck
{
    /// <summary>Runs the generator dry over the quadlet as it would be.</summary>
    /// <exception cref="CommandRefusedException">QuadletRefused: qm.service would vanish; the message holds the generator's reason.</exception>
    Task CheckAsync(QuadletSources sources, CancellationToken cancellationToken);
}

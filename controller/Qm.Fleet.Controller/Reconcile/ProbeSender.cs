using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Has the agent extension of one node probe what the revision in force on it says, on every stream anew: it keeps probes in memory only.</summary>
internal sealed partial class ProbeSender(string node, IAgentLinks agents, ILogger logger)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private (DateTimeOffset? Link, V1.SetProbes? Probes) _told;

    /// <summary>Tells the agent extension, unless this stream was told the same. One that was never given a probe is not told that there is none.</summary>
    /// <param name="inForce">The environment of the revision that is committed on the node; null when there is none.</param>
    /// <param name="ct">Ends the wait for its answer.</param>
    public async Task TellAsync(FleetEnvironment? inForce, CancellationToken ct)
    {
        if (!agents.IsConnected(node))
        {
            return;
        }

        var link = agents.Since(node);
        var probes = inForce is null ? new() : Probes.ToWire(inForce);
        var known = _told.Link == link ? _told.Probes : null;
        if (probes.Equals(known) || (probes.Probes.Count == 0 && known is null && agents.Probes(node).Count == 0))
        {
            return;
        }

        try
        {
            var result = await agents.SendAsync(node, new() { SetProbes = probes }, Deadline, ct);
            // One that refuses them would refuse them again.
            _told = (link, probes);
            if (!result.Ok)
            {
                Log.Refused(logger, node, result.Reason, result.Message);
            }
        }
        catch (AgentUnreachableException e)
        {
            // Told again at the next look; to repeat it does no harm.
            Log.NotTold(logger, node, e.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1312, LogLevel.Warning, "{Node} does not probe its workloads, their health is unknown: {Reason}: {Explanation}", EventName = nameof(Refused))]
        internal static partial void Refused(ILogger logger, string node, string reason, string explanation);

        [LoggerMessage(1313, LogLevel.Information, "{Node} was not told what to probe: {Explanation}", EventName = nameof(NotTold))]
        internal static partial void NotTold(ILogger logger, string node, string explanation);
    }
}

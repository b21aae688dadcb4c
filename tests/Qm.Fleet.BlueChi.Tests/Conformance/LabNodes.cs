using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>The lab's emulated nodes, as sites have them: two, with the site's units.</summary>
internal sealed class LabNodes : IDisposable
{
    private const string AgentUnit = "bluechi-agent.service";
    private readonly Dictionary<string, EmulatedNode> _nodes = [];

    private LabNodes()
    {
    }

    /// <summary>Their names.</summary>
    internal static (string First, string Second) Names => ("ecu1", "ecu2");

    /// <summary>A name without a node.</summary>
    internal static string Absent => "ecu-9";

    /// <summary>Boots them.</summary>
    /// <param name="directory">Where their roots are made.</param>
    /// <param name="blueChi">Whom their agents register with.</param>
    /// <param name="ct">Gives up.</param>
    internal static async Task<LabNodes> BootAsync(string directory, Lab.Nodes.IBlueChi blueChi, CancellationToken ct)
    {
        var nodes = new LabNodes();
        foreach (var name in new[] { Names.First, Names.Second })
        {
            var node = nodes._nodes[name] = new EmulatedNode(name, Path.Combine(directory, name), blueChi, NodeTimings.Fast, TimeProvider.System);
            foreach (var (unit, text) in SiteUnits.Files)
            {
                await nodes.WriteUnitAsync(name, unit, text, ct);
            }

            await node.Host.DaemonReloadAsync(ct);
            await node.BootAsync(ct);
        }

        return nodes;
    }

    internal Task StopAgentAsync(string node, CancellationToken ct) => _nodes[node].Host.RunAsync(JobType.Stop, AgentUnit, ct);

    internal Task StartAgentAsync(string node, CancellationToken ct) => _nodes[node].Host.RunAsync(JobType.Start, AgentUnit, ct);

    internal Task WriteUnitAsync(string node, string unit, string text, CancellationToken ct) =>
        File.WriteAllTextAsync(Path.Combine(_nodes[node].Root, "etc/systemd/system", unit), text, ct);

    internal string AskSystemd(string node, string unit, string property) =>
        PropertyValue.From(_nodes[node].Host.Properties(unit, "")[property]) is var value && value.TryGetString(out var text) ? text
        : value.TryGetUInt64(out var number) ? $"{number}"
        : throw new SiteLacksException($"{property} is neither a text nor a number");

    public void Dispose()
    {
        foreach (var node in _nodes.Values)
        {
            node.PowerOff();
        }
    }
}

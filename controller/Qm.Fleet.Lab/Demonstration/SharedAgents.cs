using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Demonstration;

/// <summary>Many agent extensions in one process, each with a root and a link of its own.</summary>
internal static class SharedAgents
{
    /// <summary>Runs one for each directory below <paramref name="nodes"/> until cancelled.</summary>
    public static async Task<int> RunAsync(Uri controller, string nodes, CancellationToken cancellation)
    {
        using var loggers = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Warning).AddConsole());
        await Task.WhenAll(Directory.GetDirectories(nodes).Select(root =>
            AgentHost.RunAsync(new AgentOptions { Root = root, Controller = controller, SystemdPrograms = NodePrograms.DirectoryOf(root) }, TimeProvider.System, loggers, cancellation))).ConfigureAwait(false);
        return 0;
    }
}

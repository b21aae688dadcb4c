using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Lab.Control;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Processes;

/// <summary>The agent extensions of a lab: a process for each node, with a link to the controller that can be cut; or one process for all, which knows neither fault.</summary>
/// <param name="launcher">Starts them.</param>
/// <param name="options">Which of the two.</param>
/// <param name="directory">Where the nodes and the logs are.</param>
/// <param name="port">The controller's port, once it is known.</param>
internal sealed class AgentExtensions(ProcessLauncher launcher, LabOptions options, LabDirectory directory, Func<int> port) : IExtensions, IAsyncDisposable
{
    private const string OneForAll = "the agent extensions of this lab share one process; start a lab with fewer nodes, or with --agents process";
    private readonly ConcurrentDictionary<string, CuttableLink> _links = new();
    private readonly ConcurrentDictionary<string, bool> _killed = new();
    private readonly ConcurrentBag<ChildProcess> _started = [];
    private ImmutableArray<ChildProcess> _processes = [];

    /// <summary>The processes that run, as far as they did not end since.</summary>
    public ImmutableArray<ChildProcess> Processes => _processes;

    /// <summary>Starts the process of a node, or of all; also again, after it was killed.</summary>
    /// <exception cref="LabException">It was not built, or cannot be started.</exception>
    public async Task StartAsync(string name, IEnumerable<EmulatedNode> nodes)
    {
        var command = options.AgentProcessEach
            ? [.. Programs.Agent, "--root", nodes.Single().Root, "--controller", Address(LinkOf(nodes.Single()).Port), "--systemd-programs", NodePrograms.DirectoryOf(nodes.Single().Root), "--usage-interval", "1s"]
            : (string[])[.. Programs.Lab, "agents", "--controller", Address(port()), "--nodes", directory.Nodes];
        var agent = await ChildProcess.StartAsync(launcher, name, command, directory.Logs).ConfigureAwait(false);
        _started.Add(agent);
        ImmutableInterlocked.Update(ref _processes, agents => [.. agents.Where(earlier => !earlier.HasExited), agent]);
    }

    /// <summary>Starts those of all nodes.</summary>
    /// <exception cref="LabException">One cannot be started.</exception>
    public Task StartAllAsync(IReadOnlyList<EmulatedNode> nodes) =>
        options.AgentProcessEach ? Task.WhenAll(nodes.Select(node => StartAsync(NameOf(node), [node]))) : StartAsync("agents", nodes);

    /// <summary>The process of a node; null when it has none of its own, or none that runs.</summary>
    public ChildProcess? Of(EmulatedNode node) => _processes.FirstOrDefault(agent => agent.Name == NameOf(node) && !agent.HasExited);

    public async Task KillAsync(EmulatedNode node)
    {
        var agent = Of(node) ?? throw new InvalidOperationException(!options.AgentProcessEach ? OneForAll : $"the agent extension of {node.Name} does not run");
        _killed[node.Name] = true;
        await agent.KillAsync().ConfigureAwait(false);
    }

    public Task ReviveAsync(EmulatedNode node) => _killed.TryRemove(node.Name, out _) ? StartAsync(NameOf(node), [node]) : Task.CompletedTask;

    public void Cut(EmulatedNode node)
    {
        if (!options.AgentProcessEach)
        {
            throw new InvalidOperationException(OneForAll);
        }

        LinkOf(node).Cut();
    }

    public void Heal(EmulatedNode node) => LinkOf(node).Heal();

    public (bool Killed, bool Cut) StateOf(EmulatedNode node) => (_killed.ContainsKey(node.Name), _links.GetValueOrDefault(node.Name)?.IsCut ?? false);

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_started.Select(agent => agent.DisposeAsync().AsTask())).ConfigureAwait(false);
        await Task.WhenAll(_links.Values.Select(link => link.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    private static string NameOf(EmulatedNode node) => $"agent-{node.Name}";

    private static string Address(int port) => string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{port}");

    private CuttableLink LinkOf(EmulatedNode node)
    {
        lock (_links)
        {
            return _links.GetValueOrDefault(node.Name) ?? (_links[node.Name] = new CuttableLink(port()));
        }
    }
}

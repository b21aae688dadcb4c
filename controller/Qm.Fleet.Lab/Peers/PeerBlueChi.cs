using System.Collections.Concurrent;
using Qm.Fleet.Lab.Agents;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Processes;

namespace Qm.Fleet.Lab.Peers;

/// <summary>
/// A real bluechi-controller as emulated nodes see it: every agent of theirs is a peer of it on a connection of its own, and speaks the protocol that
/// bluechi-agent speaks. Faults of agents and links are given by BlueChi's node name, <c>ecu2</c> or <c>qm.ecu2</c>.
/// </summary>
/// <param name="options">Where the controller is.</param>
/// <param name="time">The clock.</param>
internal sealed class PeerBlueChi(PeerOptions options, TimeProvider time) : IAgentLinks, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, PeerAgent> _agents = new();
    private readonly ConcurrentDictionary<string, bool> _cut = new();
    private readonly ConcurrentDictionary<Task, bool> _ending = new();

    /// <summary>Calls that reached agents and change something.</summary>
    public CallCounters Counters { get; } = new();

    /// <summary>Why agents are not registered now, by node; those that are registered are left out.</summary>
    public IReadOnlyDictionary<string, string> Troubles =>
        _agents.Where(agent => agent.Value.Trouble.Length > 0).ToDictionary(agent => agent.Key, agent => agent.Value.Trouble);

    /// <summary>Starts an agent, which registers as soon as the controller lets it; never null.</summary>
    public IDisposable TryRegister(string nodeName, EmulatedSystemd systemd)
    {
        var agent = Begin(nodeName, systemd);
        return new Process(this, agent.Node);
    }

    /// <summary>Waits until agents have registered.</summary>
    /// <param name="nodes">Their names.</param>
    /// <param name="deadline">How long.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="LabException">The deadline passed; tells who is missing and why.</exception>
    public async Task RegisteredAsync(IEnumerable<string> nodes, TimeSpan deadline, CancellationToken cancellation)
    {
        const int Most = 5;
        try
        {
            await Task.WhenAll(nodes.Select(node => AgentOf(node).Registered)).WaitAsync(deadline, time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            var missing = Troubles.OrderBy(trouble => trouble.Key, NaturalOrder.Instance).ToArray();
            throw new LabException(
                $"{missing.Length} agents did not register with bluechi-controller at {options.Address} within {deadline.TotalSeconds:0} s"
                + string.Concat(missing.Take(Most).Select(trouble => $"\n  {trouble.Key}: {trouble.Value}")), e);
        }
    }

    /// <inheritdoc/>
    public Task FreezeAsync(string node) => AgentOf(node).SetFrozenAsync(true);

    /// <inheritdoc/>
    public Task ThawAsync(string node) => AgentOf(node).SetFrozenAsync(false);

    /// <summary>Cuts the link to an agent until it is healed; agents of that name that are started meanwhile do not get through either.</summary>
    /// <param name="node">The agent's node.</param>
    /// <param name="dataInFlight">Whether nobody notices, and what is sent arrives when the link heals; otherwise both sides lose the connection now.</param>
    public Task CutAsync(string node, bool dataInFlight = false)
    {
        var agent = AgentOf(node);
        _cut[node] = true;
        return agent.CutAsync(dataInFlight);
    }

    /// <summary>Makes a cut link whole; an agent that lost its connection comes back within its heartbeat interval, and does not tell again what it told before.</summary>
    public Task HealAsync(string node)
    {
        _cut.TryRemove(node, out _);
        return _agents.GetValueOrDefault(node)?.HealAsync() ?? Task.CompletedTask;
    }

    /// <summary>Makes a cut link whole after the agent's process was restarted: it knows nothing of before, and tells its units again. Units run on.</summary>
    public async Task HealFreshAsync(string node)
    {
        _cut.TryRemove(node, out _);
        await RestartAsync(node).ConfigureAwait(false);
    }

    /// <summary>Ends an agent's process and starts another, which knows nothing of before; units run on.</summary>
    public async Task RestartAsync(string node)
    {
        var agent = AgentOf(node);
        await agent.DisposeAsync().ConfigureAwait(false);
        Begin(node, agent.Systemd);
    }

    /// <inheritdoc/>
    public (bool Frozen, bool Cut, bool DataInFlight) LinkOf(string node) =>
        _agents.TryGetValue(node, out var agent) ? (agent.IsFrozen, _cut.ContainsKey(node), agent.IsStalled) : (false, _cut.ContainsKey(node), false);

    /// <inheritdoc/>
    public void Chatter(string node, int signals) => _agents.GetValueOrDefault(node)?.Chatter(signals);

    /// <summary>Ends every agent.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in _agents.Keys)
        {
            End(node);
        }

        await Task.WhenAll(_ending.Keys).ConfigureAwait(false);
    }

    private PeerAgent Begin(string node, EmulatedSystemd systemd) =>
        _agents[node] = new PeerAgent(node, systemd, options, Counters, time, _cut.ContainsKey(node));

    // Units end under their node's gate, which the agent may want for its last call: nobody waits for it there.
    private void End(string node)
    {
        if (_agents.TryRemove(node, out var agent))
        {
            var ending = Task.Run(async () => await agent.DisposeAsync().ConfigureAwait(false));
            _ending[ending] = true;
            _ = ending.ContinueWith(_ => _ending.TryRemove(ending, out var _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private PeerAgent AgentOf(string node) =>
        _agents.GetValueOrDefault(node) ?? throw new InvalidOperationException($"No BlueChi agent registered as {node} lives.");

    /// <summary>The life of one agent process, ended by its node.</summary>
    private sealed class Process(PeerBlueChi owner, string node) : IDisposable
    {
        public void Dispose() => owner.End(node);
    }
}

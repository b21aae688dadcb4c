using System.Collections.Concurrent;
using System.Collections.Frozen;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>The open links by node, with what each node last said.</summary>
/// <remarks>Holds one entry for each node that ever dialled in since the start, so it is bounded by the certificates issued.</remarks>
internal sealed partial class AgentLinks(TimeProvider time, ILogger<AgentLinks> logger) : IAgentLinks
{
    private readonly ConcurrentDictionary<string, Entry> _nodes = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public event Action<string>? Changed;

    /// <inheritdoc/>
    public event Action<string>? Measured;

    /// <summary>How many agents are being heard.</summary>
    public int ConnectedCount => _nodes.Values.Count(static entry => entry.Link is not null);

    /// <inheritdoc/>
    public AgentReport? LastReport(string node) => _nodes.GetValueOrDefault(node)?.Report;

    /// <inheritdoc/>
    public AgentPulse? Pulse(string node) => _nodes.GetValueOrDefault(node) is { HeardAt: { } heard } entry
        ? new(heard, entry.LookedAt) { ClockSkew = entry.ClockSkew, Disk = entry.Disk, HeldSince = entry.HeldSince } : null;

    /// <inheritdoc/>
    public AgentUsage? Usage(string node) => _nodes.GetValueOrDefault(node)?.Usage;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, ProbeReading> Probes(string node) => _nodes.GetValueOrDefault(node)?.Probes ?? FrozenDictionary<string, ProbeReading>.Empty;

    /// <inheritdoc/>
    public bool IsConnected(string node) => _nodes.GetValueOrDefault(node)?.Link is not null;

    /// <inheritdoc/>
    public DateTimeOffset? Since(string node) => _nodes.GetValueOrDefault(node)?.Since;

    /// <inheritdoc/>
    public Task<V1.CommandResult> SendAsync(string node, V1.Command command, TimeSpan deadline, CancellationToken ct) =>
        _nodes.GetValueOrDefault(node)?.Link is { } link
            ? link.SendAsync(command, deadline, ct)
            : Task.FromException<V1.CommandResult>(new AgentUnreachableException(
                node, NotConnected(node)));

    /// <summary>Tells every agent that is being heard something that is no command; see <see cref="AgentLink.Tell"/>.</summary>
    public void TellAll(V1.ControllerMessage message)
    {
        foreach (var entry in _nodes.Values)
        {
            entry.Link?.Tell(message);
        }
    }

    /// <summary>Begins to keep what arrives of a diagnosis on the node's link, until it is disposed.</summary>
    /// <exception cref="AgentUnreachableException">There is no link.</exception>
    public AgentDiagnosis Listen(string node, string id) =>
        _nodes.GetValueOrDefault(node)?.Link?.Listen(id) ?? throw new AgentUnreachableException(node, NotConnected(node));

    /// <summary>Puts a link in place; an older one of the same node is closed.</summary>
    public void Open(AgentLink link)
    {
        AgentLink? replaced = null;
        _nodes.AddOrUpdate(
            link.Node,
            _ => new Entry(link, time.GetUtcNow()) { HeardAt = time.GetUtcNow() },
            (_, entry) =>
            {
                replaced = entry.Link;
                return entry with { Link = link, Since = time.GetUtcNow(), HeardAt = time.GetUtcNow(), HeldSince = null, Probes = link.Probes.Readings };
            });
        replaced?.Close("the agent dialled in again");
        Log.Connected(logger, link.Node, link.BootId);
        Changed?.Invoke(link.Node);
    }

    /// <summary>Takes a report; one of a link that was replaced is dropped.</summary>
    public void Report(AgentLink link, V1.NodeReport report)
    {
        ReportBounds.Fit(report);
        // An agent leaves out checks and facts that are as it said before.
        report.Checks = link.Checks = report.Checks ?? link.Checks;
        report.Facts = link.Facts = report.Facts ?? link.Facts;
        var received = new AgentReport(report, time.GetUtcNow(), link.BootId);
        if (Update(link, entry => entry with { Report = received, LookedAt = received.ReceivedAt }))
        {
            Changed?.Invoke(link.Node);
        }
    }

    /// <summary>Takes what changed of a node's usage.</summary>
    public void Report(AgentLink link, V1.Usage change)
    {
        ReportBounds.Fit(change);
        var usage = new AgentUsage(link.Usage.Merge(change), time.GetUtcNow());
        if (Update(link, entry => entry with { Usage = usage }))
        {
            Measured?.Invoke(link.Node);
        }
    }

    /// <summary>Notes how long ago a node's agent read usage, and found what it last told on this link, which is nothing where it told nothing.</summary>
    public void UsageRead(AgentLink link, TimeSpan ago)
    {
        var now = time.GetUtcNow();
        Update(link, entry => entry with { Usage = (entry.Usage is { } told && told.ReceivedAt >= entry.Since ? told : new(new V1.Usage(), now)) with { ReadAt = now - ago } });
    }

    /// <summary>Takes what changed of a node's probes.</summary>
    public void Report(AgentLink link, V1.ProbeResults change)
    {
        var isNews = link.Probes.Merge(change);
        if (Update(link, entry => entry with { Probes = link.Probes.Readings }) && isNews)
        {
            Changed?.Invoke(link.Node);
        }
    }

    /// <summary>Notes that a node's agent said something.</summary>
    public void Heard(AgentLink link)
    {
        var now = time.GetUtcNow();
        Update(link, entry => entry with { HeardAt = now });
    }

    /// <summary>Notes how long ago a node's agent looked at the node, and found what its last report says.</summary>
    public void Looked(AgentLink link, TimeSpan ago)
    {
        var at = time.GetUtcNow() - ago;
        // Before its first report, nothing was found that could still be so.
        Update(link, entry => entry.Report is null ? entry : entry with { LookedAt = at });
    }

    /// <summary>Notes since when an agent has been held to its pace; null for one that is not.</summary>
    public void Paced(AgentLink link, DateTimeOffset? heldSince)
    {
        if (_nodes.GetValueOrDefault(link.Node) is { } known && (known.HeldSince is null) == (heldSince is null))
        {
            return;
        }
        if (Update(link, entry => entry with { HeldSince = heldSince }))
        {
            Changed?.Invoke(link.Node);
        }
    }

    /// <summary>Takes what a node says of its clock and its disk.</summary>
    /// <returns>Whether that is another judgement than before.</returns>
    public bool Vitals(AgentLink link, V1.Heartbeat heartbeat)
    {
        var (skew, isNews) = (heartbeat.ClockUnixMs > 0 ? TimeSpan.FromMilliseconds(heartbeat.ClockUnixMs - time.GetUtcNow().ToUnixTimeMilliseconds()) : (TimeSpan?)null, false);
        Update(link, entry =>
        {
            isNews = Judged(entry.ClockSkew, entry.Disk) != Judged(skew, heartbeat.Disk);
            return entry with { ClockSkew = skew, Disk = heartbeat.Disk };
        });
        if (isNews)
        {
            Changed?.Invoke(link.Node);
        }
        return isNews;
    }

    private static (bool?, bool?) Judged(TimeSpan? skew, V1.QmDisk? disk) => (
        skew is { } known ? NodeVitals.Clock(known, null).IsRight : null,
        disk is not null ? NodeVitals.Disk(disk.Path, disk.TotalBytes, disk.AvailableBytes, null).HasSpace : null);

    /// <summary>Takes a link out of its place and closes it.</summary>
    public void Remove(AgentLink link, string reason)
    {
        link.Close(reason);
        if (Update(link, entry => entry with { Link = null, Since = time.GetUtcNow(), Probes = FrozenDictionary<string, ProbeReading>.Empty }))
        {
            Log.Disconnected(logger, link.Node, link.ClosedBecause);
            Changed?.Invoke(link.Node);
        }
    }

    private static string NotConnected(string node) =>
        $"No agent extension of {node} is connected; nothing was sent. Look at qm-fleet-agent.service on the node.";

    private bool Update(AgentLink link, Func<Entry, Entry> change)
    {
        while (_nodes.TryGetValue(link.Node, out var entry) && entry.Link == link)
        {
            if (_nodes.TryUpdate(link.Node, change(entry), entry))
            {
                return true;
            }
        }
        return false;
    }

    private sealed record Entry(AgentLink? Link, DateTimeOffset Since)
    {
        public AgentReport? Report { get; init; }

        public AgentUsage? Usage { get; init; }

        public FrozenDictionary<string, ProbeReading> Probes { get; init; } = FrozenDictionary<string, ProbeReading>.Empty;

        public DateTimeOffset? HeardAt { get; init; }

        public DateTimeOffset? LookedAt { get; init; }

        public TimeSpan? ClockSkew { get; init; }

        public V1.QmDisk? Disk { get; init; }

        public DateTimeOffset? HeldSince { get; init; }
    }

    private static partial class Log
    {
        [LoggerMessage(1350, LogLevel.Information, "Agent extension of {Node} connected, boot {BootId}", EventName = nameof(Connected))]
        public static partial void Connected(ILogger logger, string node, string bootId);

        [LoggerMessage(1351, LogLevel.Warning, "Agent extension of {Node} is gone: {Reason}", EventName = nameof(Disconnected))]
        public static partial void Disconnected(ILogger logger, string node, string reason);
    }
}

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>
/// A bluechi-controller with nodes, for a suite whose cases are the same whatever stands behind it. All that a case does to the site beside its client
/// goes through here; what a site cannot do throws <see cref="SiteLacksException"/>, and the case is skipped with that reason.
/// </summary>
internal interface ISite : IAsyncDisposable
{
    /// <summary>For people: which backend, and which version of BlueChi.</summary>
    string Name { get; }

    /// <summary>The bus that the controller is on.</summary>
    string BusAddress { get; }

    /// <summary>How BlueChi waits here for an agent that does not answer.</summary>
    TimeSpan AgentTimeout { get; }

    /// <summary>Two nodes whose agents are connected when a case begins, and that have the units of <see cref="SiteUnits"/>.</summary>
    (string First, string Second) Nodes { get; }

    /// <summary>An allowed node whose agent never connects; its name needs escaping in an object path.</summary>
    string Absent { get; }

    /// <summary>Stops the process of an agent (SIGSTOP), or lets it go on.</summary>
    Task SetFrozenAsync(string node, bool frozen, CancellationToken ct);

    /// <summary>Ends the process of an agent; units run on.</summary>
    Task StopAgentAsync(string node, CancellationToken ct);

    /// <summary>Starts the process of an agent that was stopped: a fresh one, which knows nothing of before.</summary>
    Task StartAgentAsync(string node, CancellationToken ct);

    /// <summary>Cuts the connection between an agent and the controller, so that the controller notices; the agent lives on and does not come back.</summary>
    Task CutAsync(string node, CancellationToken ct);

    /// <summary>Lets a cut agent connect again.</summary>
    Task HealAsync(string node, CancellationToken ct);

    /// <summary>Ends the controller, with a goodbye (SIGTERM) or without (SIGKILL).</summary>
    Task StopControllerAsync(bool clean, CancellationToken ct);

    /// <summary>Starts it again; agents come back by themselves.</summary>
    Task StartControllerAsync(CancellationToken ct);

    /// <summary>Writes a unit file of a node; systemd reads it at the next reload.</summary>
    Task WriteUnitAsync(string node, string unit, string text, CancellationToken ct);

    /// <summary>What systemd on the node itself says of a unit, asked there and not through BlueChi; such as <c>ActiveState</c>.</summary>
    Task<string> AskSystemdAsync(string node, string unit, string property, CancellationToken ct);

    /// <summary>Has the agent of a node send signals of one unit as fast as it can, for so many signals.</summary>
    Task FloodAsync(string node, string unit, int signals, CancellationToken ct);
}

/// <summary>A site cannot do what a case needs.</summary>
internal sealed class SiteLacksException(string reason) : Exception(reason);

/// <summary>Units that every node of every site has, loaded and not running.</summary>
internal static class SiteUnits
{
    /// <summary>Runs until stopped; begins at once.</summary>
    internal const string Simple = "conformance-simple.service";

    /// <summary>Takes three seconds to begin.</summary>
    internal const string Slow = "conformance-slow.service";

    /// <summary>Fails when started.</summary>
    internal const string Failing = "conformance-failing.service";

    /// <summary>Is done at once and does not stay.</summary>
    internal const string Oneshot = "conformance-oneshot.service";

    /// <summary>Can be reloaded, and is not enabled.</summary>
    internal const string Reloadable = "conformance-reloadable.service";

    /// <summary>The files.</summary>
    internal static IReadOnlyDictionary<string, string> Files { get; } = new Dictionary<string, string>
    {
        [Simple] = "[Unit]\nDescription=Runs until stopped\n[Service]\nExecStart=/bin/sleep infinity\n",
        [Slow] = "[Unit]\nDescription=Takes long to begin\n[Service]\nExecStartPre=/bin/sleep 3\nExecStart=/bin/sleep infinity\n",
        [Failing] = "[Unit]\nDescription=Fails\n[Service]\nType=oneshot\nExecStart=/bin/false\n",
        [Oneshot] = "[Unit]\nDescription=Is done at once\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
        [Reloadable] = "[Unit]\nDescription=Can be reloaded\n[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
    };
}

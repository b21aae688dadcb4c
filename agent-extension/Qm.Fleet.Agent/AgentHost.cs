using System.Reflection;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Checks;
using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.Agent.Drift;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Facts;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Labels;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Agent.OutOfMemory;
using Qm.Fleet.Agent.Probes;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.Agent.Usage;

namespace Qm.Fleet.Agent;

/// <summary>Runs one agent; many fit into one process, each with a root of its own.</summary>
public static partial class AgentHost
{
    /// <summary>The version told to the controller, such as 0.1.0.</summary>
    public static string Version { get; } =
        typeof(AgentHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Runs until cancelled: ends what a crash cut short, then keeps the link to the controller.</summary>
    /// <param name="options">Root, controller and directories.</param>
    /// <param name="time">Times every wait; its timestamps stand for the node's CLOCK_MONOTONIC.</param>
    /// <param name="loggers">Where to log.</param>
    /// <param name="cancellationToken">Ends the agent; it returns normally.</param>
    /// <param name="status">Told what a node that has not joined waits for, a sentence; null for nobody.</param>
    /// <exception cref="IOException">
    /// The root does not exist, another agent runs on it, or the kernel has no openat2 (older than 5.6).
    /// </exception>
    public static Task RunAsync(AgentOptions options, TimeProvider time, ILoggerFactory loggers, CancellationToken cancellationToken, Action<string>? status = null) =>
        RunAsync(options, time, loggers, static () => RandomNumberGenerator.GetInt32(int.MaxValue) / (double)int.MaxValue, cancellationToken, status: status);

    internal static async Task RunAsync(
        AgentOptions options, TimeProvider time, ILoggerFactory loggers, Func<double> jitter, CancellationToken cancellationToken,
        NodePrograms? programs = null, Action<string>? status = null)
    {
        using var root = NodeRoot.Open(options.Root);
        var clock = new NodeClock(root, time);
        var isMachine = Path.GetFullPath(options.Root) == "/";
        var quadletCheck = isMachine ? PodmanQuadletCheck.OfThisMachine(options.State, time) : null;
        // An emulated node has a podman only where it is given one.
        var podman = programs ?? (isMachine || options.SystemdPrograms is not { } directory ? null : new NodePrograms([directory], time));
        programs ??= isMachine ? NodePrograms.OfThisMachine(time) : NodePrograms.None(time);
        var usage = new UsageSampler(new UsageReader(root), options.UsageInterval, time);
        var diagnostics = new NodeDiagnostics(root, programs, usage, time, loggers.CreateLogger<NodeDiagnostics>());
        var state = new StateDirectory(root, options.State);
        var logger = loggers.CreateLogger(typeof(AgentHost));
        using var claim = Claim(state, logger);
        var labels = new FileLabels(root, programs);
        var builder = new SlotBuilder(root, options, RootfsLimits.Default, static path => new DriveInfo(path).AvailableFreeSpace, time, labels);
        await using var rootfs = new RootfsFetcher(root, builder, loggers.CreateLogger<RootfsFetcher>(), labels);
        var revisions = new NodeRevisions(root, state, clock, quadletCheck, rootfs, labels);
        var systemdPrograms = options.SystemdPrograms ?? (isMachine ? "/usr/bin" : null);
        var versions = new ProgramVersions(programs, time);
        var watch = new DriftWatch(root, time, loggers.CreateLogger<DriftWatch>());
        var oomKills = new OomOutbox();
        var reporter = new NodeReporter(root, revisions, new StaticChecks(time), new FactsReader(versions, time), watch);
        using var probes = new ProbeDesk(new ProbeTargets(root), new Prober(root, isMachine, podman ?? programs, time), jitter, time);
        using var agent = new NodeAgent(
            revisions, reporter, diagnostics, probes, systemdPrograms is null ? null : new LocalSystemd(systemdPrograms, time), loggers.CreateLogger<NodeAgent>());
        Log.Started(logger, Version, options.Root, options.Controller);
        try
        {
            await agent.RecoverAsync(cancellationToken).ConfigureAwait(false);
            await AllAsync(
                [
                    new GatewayLink(options, root, agent, watch, oomKills, clock, time, jitter, status ?? (static _ => { }), loggers).RunAsync,
                    new ConfirmWatch(agent, time).RunAsync,
                    versions.RunAsync,
                    watch.RunAsync,
                    probes.RunAsync,
                    usage.RunAsync,
                    new OomWatch(root, oomKills, watch.Notice, time, loggers.CreateLogger<OomWatch>()).RunAsync,
                ],
                cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The end that was asked for.
        }
    }

    // None ends by itself; when one fails, the others end with it, and systemd starts the agent again.
    private static async Task AllAsync(IReadOnlyList<Func<CancellationToken, Task>> parts, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] work = [.. parts.Select(part => part(stop.Token))];
        var first = await Task.WhenAny(work).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first.ConfigureAwait(false);
    }

    // An agent that cannot write still reports; every command that needs to write is refused with the reason.
    private static IDisposable? Claim(StateDirectory state, ILogger logger)
    {
        try
        {
            return state.Claim();
        }
        catch (NodeFileException e)
        {
            Log.NotClaimed(logger, e.Message);
            return null;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1101, LogLevel.Error, "The state directory cannot be used, so nothing can be committed: the agent {Reason}", EventName = "StateUnusable")]
        public static partial void NotClaimed(ILogger logger, string reason);

        [LoggerMessage(1100, LogLevel.Information, "qm-fleet-agent {Version} on {Root}, controller {Controller}", EventName = "AgentStarted")]
        public static partial void Started(ILogger logger, string version, string root, Uri controller);
    }
}

using Grpc.Core;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Drift;
using Qm.Fleet.Agent.Enrollment;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.OutOfMemory;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Link;

/// <summary>Keeps a stream to the controller open: one session after another, with capped, jittered pauses.</summary>
internal sealed partial class GatewayLink
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(5);

    private readonly AgentOptions _options;
    private readonly NodeRoot _root;
    private readonly NodeAgent _agent;
    private readonly DriftWatch _watch;
    private readonly OomOutbox _oomKills;
    private readonly NodeClock _clock;
    private readonly TimeProvider _time;
    private readonly Func<double> _jitter;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly Enroller _enroller;
    private readonly CertificateRenewal _renewal;
    private readonly ResiliencePipeline<SessionEnd> _retry;
    private string _lastReason = "";

    /// <param name="options">Address and pki directory.</param>
    /// <param name="root">The node.</param>
    /// <param name="agent">What commands go to.</param>
    /// <param name="watch">Says when to look at once.</param>
    /// <param name="oomKills">Kills that are to be told.</param>
    /// <param name="clock">The node's boot.</param>
    /// <param name="time">Times every pause and deadline.</param>
    /// <param name="jitter">Random numbers from 0 to 1, so that a fleet does not come back as one.</param>
    /// <param name="status">Told what a node that has not joined waits for.</param>
    /// <param name="loggers">Where to log.</param>
    public GatewayLink(
        AgentOptions options, NodeRoot root, NodeAgent agent, DriftWatch watch, OomOutbox oomKills, NodeClock clock, TimeProvider time,
        Func<double> jitter, Action<string> status, ILoggerFactory loggers)
    {
        (_options, _root, _agent, _watch, _oomKills, _clock, _time, _jitter, _loggers) = (options, root, agent, watch, oomKills, clock, time, jitter, loggers);
        _logger = loggers.CreateLogger<GatewayLink>();
        _enroller = new(options, root, time, jitter, status, loggers.CreateLogger<Enroller>());
        _renewal = new(new(root, options.Pki), time, jitter, loggers.CreateLogger<CertificateRenewal>());
        _retry = new ResiliencePipelineBuilder<SessionEnd> { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions<SessionEnd>
            {
                ShouldHandle = arguments => ValueTask.FromResult(arguments.Outcome.Result is { WasStable: false }),
                BackoffType = DelayBackoffType.Exponential,
                Delay = FirstPause,
                MaxDelay = LongestPause,
                MaxRetryAttempts = int.MaxValue,
                UseJitter = true,
                Randomizer = jitter,
            })
            .Build();
    }

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var end = await _retry.ExecuteAsync(ConnectAsync, cancellationToken).ConfigureAwait(false);
            if (end.IsReplaced)
            {
                continue;
            }

            await Task.Delay(FirstPause * 2 * _jitter(), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<SessionEnd> ConnectAsync(CancellationToken cancellationToken)
    {
        await _enroller.EnsureAsync(cancellationToken).ConfigureAwait(false);
        var started = _time.GetTimestamp();
        var (welcomed, isReplaced, reason) = await RunSessionAsync(cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (!isReplaced && (welcomed || reason != _lastReason))
        {
            Log.Ended(_logger, _options.Controller, reason);
        }

        _lastReason = welcomed ? "" : reason;
        return new(isReplaced || (welcomed && _time.GetElapsedTime(started) >= Stable), isReplaced);
    }

    private async Task<(bool Welcomed, bool IsReplaced, string Reason)> RunSessionAsync(CancellationToken cancellationToken)
    {
        GatewaySession? session = null;
        try
        {
            using var identity = NodeIdentity.Load(_root, _options.Pki);
            using var channel = ControllerChannel.Open(_options.Controller, identity.Tls());
            session = new(_agent, new UsageReader(_root), _watch, _oomKills, _renewal.Begin(identity), _clock, _jitter, _time, _loggers.CreateLogger<GatewaySession>());
            var hello = new Hello { Node = identity.Node, Version = AgentHost.Version, Protocol = GatewaySession.Protocol, BootId = _clock.BootId };
            await session.RunAsync(new NodeGateway.NodeGatewayClient(channel), new EnrollmentService.EnrollmentServiceClient(channel), hello, cancellationToken).ConfigureAwait(false);
            return (session.Welcomed, session.IsReplaced, session.IsReplaced ? "" : "the controller ended the stream");
        }
        catch (Exception e) when (Explain(e, cancellationToken.IsCancellationRequested) is not null)
        {
            return (session?.Welcomed is true, false, Explain(e, cancellationToken.IsCancellationRequested)!);
        }
        finally
        {
            session?.Dispose();
        }
    }

    /// <summary>Why a session ended with an exception; null for one that the link cannot live with.</summary>
    /// <param name="exception">What ended it.</param>
    /// <param name="isStopping">Whether the agent itself ends, so that a cancellation is meant for it.</param>
    internal static string? Explain(Exception exception, bool isStopping) => exception switch
    {
        RpcException e => $"{e.StatusCode}: {e.Status.Detail}{(e.Status.DebugException is { } cause ? $" ({cause.GetBaseException().Message})" : "")}",
        // A write to a connection that has just gone fails with what the transport says of it, not as a call that ended.
        NodeIdentityException or NodeFileException or TimeoutException or InvalidOperationException or IOException or HttpRequestException => exception.Message,
        OperationCanceledException when !isStopping => "the stream was cut",
        _ => null,
    };

    private sealed record SessionEnd(bool WasStable, bool IsReplaced);

    private static partial class Log
    {
        [LoggerMessage(1130, LogLevel.Warning, "No link to {Controller}: {Reason}; trying again", EventName = "LinkEnded")]
        public static partial void Ended(ILogger logger, Uri controller, string reason);
    }
}

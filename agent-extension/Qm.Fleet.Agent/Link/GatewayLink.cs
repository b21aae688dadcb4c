using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Drift;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.OutOfMemory;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Link;

/// <summary>Keeps a stream to the controller open: one session after another, with capped, jittered pauses.</summary>
internal sealed partial class GatewayLink
{
    private const int MessageBytesMax = 32 * 1024 * 1024;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ConnectDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(5);

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
    /// <param name="loggers">Where to log.</param>
    public GatewayLink(
        AgentOptions options, NodeRoot root, NodeAgent agent, DriftWatch watch, OomOutbox oomKills, NodeClock clock, TimeProvider time,
        Func<double> jitter, ILoggerFactory loggers)
    {
        (_options, _root, _agent, _watch, _oomKills, _clock, _time, _jitter, _loggers) = (options, root, agent, watch, oomKills, clock, time, jitter, loggers);
        _logger = loggers.CreateLogger<GatewayLink>();
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
            await _retry.ExecuteAsync(ConnectAsync, cancellationToken).ConfigureAwait(false);
            await Task.Delay(FirstPause * 2 * _jitter(), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<SessionEnd> ConnectAsync(CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        var session = new GatewaySession(_agent, new UsageReader(_root), _watch, _oomKills, _clock, _jitter, _time, _loggers.CreateLogger<GatewaySession>());
        var reason = await RunSessionAsync(session, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (session.Welcomed || reason != _lastReason)
        {
            Log.Ended(_logger, _options.Controller, reason);
        }

        _lastReason = session.Welcomed ? "" : reason;
        return new(session.Welcomed && _time.GetElapsedTime(started) >= Stable);
    }

    private async Task<string> RunSessionAsync(GatewaySession session, CancellationToken cancellationToken)
    {
        try
        {
            using var identity = NodeIdentity.Load(_root, _options.Pki);
            using var channel = Open(identity);
            var hello = new Hello { Node = identity.Node, Version = AgentHost.Version, Protocol = GatewaySession.Protocol, BootId = _clock.BootId };
            await session.RunAsync(new NodeGateway.NodeGatewayClient(channel), hello, cancellationToken).ConfigureAwait(false);
            return "the controller ended the stream";
        }
        catch (Exception e) when (Explain(e, cancellationToken.IsCancellationRequested) is not null)
        {
            return Explain(e, cancellationToken.IsCancellationRequested)!;
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

    private GrpcChannel Open(NodeIdentity identity)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = ConnectDeadline,
            KeepAlivePingDelay = PingInterval,
            KeepAlivePingTimeout = PingInterval,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            UseCookies = false,
            UseProxy = false,
            SslOptions = identity.Tls(),
        };
        return GrpcChannel.ForAddress(_options.Controller, new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            HttpHandler = handler,
            MaxReceiveMessageSize = MessageBytesMax,
            MaxSendMessageSize = MessageBytesMax,
        });
    }

    private sealed record SessionEnd(bool WasStable);

    private static partial class Log
    {
        [LoggerMessage(1130, LogLevel.Warning, "No link to {Controller}: {Reason}; trying again", EventName = "LinkEnded")]
        public static partial void Ended(ILogger logger, Uri controller, string reason);
    }
}

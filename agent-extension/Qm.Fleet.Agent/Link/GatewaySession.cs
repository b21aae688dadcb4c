using Grpc.Core;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.Agent.Drift;
using Qm.Fleet.Agent.Enrollment;
using Qm.Fleet.Agent.OutOfMemory;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Link;

/// <summary>
/// One stream to the controller: hello, welcome, then reports, usage, heartbeats and results out and commands in, until either side ends it.
/// </summary>
/// <param name="agent">What commands go to, and who looks at the node.</param>
/// <param name="usage">Reads what QM uses.</param>
/// <param name="drift">Says when to look at once.</param>
/// <param name="oomKills">Kills that are to be told.</param>
/// <param name="renewal">Looks after the certificate that the stream's connection was made with.</param>
/// <param name="clock">The node's monotonic time.</param>
/// <param name="jitter">Random numbers from 0 to 1, so that a fleet does not speak as one.</param>
/// <param name="time">Times every pause and deadline.</param>
/// <param name="logger">Where to log.</param>
internal sealed partial class GatewaySession(
    NodeAgent agent, UsageReader usage, DriftWatch drift, OomOutbox oomKills, CertificateRenewal.Session renewal, NodeClock clock, Func<double> jitter,
    TimeProvider time, ILogger<GatewaySession> logger) : IDisposable
{
    /// <summary>The version of gateway.proto that is spoken.</summary>
    public const int Protocol = 1;

    private static readonly TimeSpan WelcomeDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LeaveDeadline = TimeSpan.FromSeconds(5);
    // With four a second of whatever changes, an agent stays below what a controller reads of it, whatever QM does to have it speak.
    private static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ReportIntervalMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ReportIntervalMax = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan UsageIntervalMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan UsageIntervalMax = TimeSpan.FromHours(1);
    private readonly ReportPace _pace = new(time);
    private readonly SemaphoreSlim _commandTurn = new(1, 1);
    private long _usageReadAt = -1;

    /// <summary>Whether the controller welcomed this stream.</summary>
    public bool Welcomed { get; private set; }

    /// <summary>Whether the agent ended the stream itself, because the next one is made with another certificate.</summary>
    public bool IsReplaced { get; private set; }

    /// <inheritdoc/>
    public void Dispose() => _commandTurn.Dispose();

    /// <summary>Runs one stream; returns when the controller ends it, or a certificate is in place that the next one is made with.</summary>
    /// <exception cref="RpcException">The stream failed or was refused.</exception>
    /// <exception cref="TimeoutException">The controller did not answer the hello.</exception>
    public async Task RunAsync(NodeGateway.NodeGatewayClient client, EnrollmentService.EnrollmentServiceClient enrollment, Hello hello, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var call = client.Connect(cancellationToken: stop.Token);
        using var outbox = new Outbox();
        var desk = agent.OpenDesk(outbox);
        await using var _ = desk.ConfigureAwait(false);
        await call.RequestStream.WriteAsync(new AgentMessage { Hello = hello }, stop.Token).ConfigureAwait(false);
        var intervals = await WelcomeAsync(call.ResponseStream, stop.Token).ConfigureAwait(false);
        Welcomed = true;
        Log.Welcomed(logger, hello.Node, intervals.Longest.TotalMilliseconds);

        List<Task> work =
        [
            ReceiveAsync(call.ResponseStream, outbox, desk, stop.Token),
            SendAsync(call.RequestStream, outbox, stop.Token),
            WatchAsync(outbox, intervals.Report, stop.Token),
            TellProbesAsync(outbox, stop.Token),
            ReplaceAsync(enrollment, outbox, stop.Token),
        ];
        if (intervals.Heartbeat is { } heartbeat)
        {
            work.Add(BeatAsync(outbox, heartbeat, stop.Token));
        }

        if (intervals.Usage is { } pace)
        {
            work.Add(TellUsageAsync(outbox, pace, stop.Token));
        }

        void TellKills() => outbox.Kills(() => oomKills.Tell(clock.MonotonicMicroseconds));
        drift.Noticed += _pace.Wake;
        oomKills.Filled += TellKills;
        // What an earlier stream was told, and not said to be stored, is told again.
        TellKills();
        var first = await Task.WhenAny(work).ConfigureAwait(false);
        oomKills.Filled -= TellKills;
        drift.Noticed -= _pace.Wake;
        await stop.CancelAsync().ConfigureAwait(false);
        // The others end because of the first; only that one's outcome tells why.
        await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!IsReplaced || cancellationToken.IsCancellationRequested)
        {
            await first.ConfigureAwait(false);
        }
    }

    private async Task<Intervals> WelcomeAsync(IAsyncStreamReader<ControllerMessage> messages, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(WelcomeDeadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            if (!await messages.MoveNext(either.Token).ConfigureAwait(false) || messages.Current.Welcome is not { } welcome)
            {
                throw new RpcException(new Status(StatusCode.FailedPrecondition, "the controller's first message was no welcome"));
            }

            renewal.Heed(welcome);
            return Intervals.From(welcome);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException && deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"the controller did not answer the hello within {WelcomeDeadline.TotalSeconds:0} s", e);
        }
    }

    private async Task ReceiveAsync(
        IAsyncStreamReader<ControllerMessage> messages, Outbox outbox, DiagnosticsDesk desk, CancellationToken cancellationToken)
    {
        while (await messages.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            if (messages.Current.OomKillsTaken is { } taken)
            {
                oomKills.Taken(taken);
            }

            if (messages.Current.RenewalRequest is { } request)
            {
                renewal.Heed(request);
            }

            if (messages.Current.Command is { } command)
            {
                // What comes while the stream is left is not begun any more: the controller asks again on the next one.
                await _commandTurn.WaitAsync(cancellationToken).ConfigureAwait(false);
                await DoAsync(command, outbox, desk, cancellationToken).ConfigureAwait(false);
                _commandTurn.Release();
            }
        }
    }

    private async Task DoAsync(Command command, Outbox outbox, DiagnosticsDesk desk, CancellationToken cancellationToken)
    {
        var (result, evidence) = DiagnosticsDesk.Handles(command)
            ? (desk.Begin(command), await agent.InspectAsync(cancellationToken).ConfigureAwait(false))
            : await agent.ExecuteAsync(command, cancellationToken).ConfigureAwait(false);
        if (!outbox.TryAnswer(result, evidence))
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"the controller has not taken {Outbox.ResultsMax} results"));
        }

        _pace.Sent(evidence);
        _pace.Wake();
    }

    private async Task SendAsync(IClientStreamWriter<AgentMessage> messages, Outbox outbox, CancellationToken cancellationToken)
    {
        while (!outbox.HasEnded)
        {
            foreach (var message in await outbox.TakeAsync(cancellationToken).ConfigureAwait(false))
            {
                await messages.WriteAsync(message, cancellationToken).ConfigureAwait(false);
            }

            if (!outbox.HasEnded)
            {
                await outbox.RestAsync(Spacing, time, cancellationToken).ConfigureAwait(false);
            }
        }

        // The controller ends the stream when it has read all of it.
        await messages.CompleteAsync().ConfigureAwait(false);
        await Task.Delay(LeaveDeadline, time, cancellationToken).ConfigureAwait(false);
    }

    // The stream is left when no command is under way, and what was done is told first. Who follows a journal or fetches a bundle has to ask again.
    private async Task ReplaceAsync(EnrollmentService.EnrollmentServiceClient enrollment, Outbox outbox, CancellationToken cancellationToken)
    {
        await renewal.RenewedAsync(enrollment, cancellationToken).ConfigureAwait(false);
        await _commandTurn.WaitAsync(cancellationToken).ConfigureAwait(false);
        IsReplaced = true;
        outbox.End();
        await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken).ConfigureAwait(false);
    }

    private async Task WatchAsync(Outbox outbox, TimeSpan interval, CancellationToken cancellationToken)
    {
        while (true)
        {
            var report = await agent.InspectAsync(cancellationToken).ConfigureAwait(false);
            if (_pace.IsDue(report, interval))
            {
                outbox.Report(report);
                _pace.Sent(report);
            }

            await _pace.PauseAsync(report, interval, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task BeatAsync(Outbox outbox, TimeSpan interval, CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(interval * ((1 + jitter()) / 2), time, cancellationToken).ConfigureAwait(false);
            var heartbeat = new Heartbeat
            {
                LookedMsAgo = (long)_pace.SinceLook.TotalMilliseconds,
                ClockUnixMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
                Disk = usage.ReadDisk(),
            };
            if (Interlocked.Read(ref _usageReadAt) is >= 0 and var readAt)
            {
                heartbeat.UsageReadMsAgo = (long)time.GetElapsedTime(readAt).TotalMilliseconds;
            }

            outbox.Beat(heartbeat);
        }
    }

    private async Task TellUsageAsync(Outbox outbox, TimeSpan interval, CancellationToken cancellationToken)
    {
        var rates = new UsageRates(time);
        while (true)
        {
            var now = usage.Read();
            rates.Write(now);
            outbox.Report(now);
            Interlocked.Exchange(ref _usageReadAt, time.GetTimestamp());
            await Task.Delay(interval, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task TellProbesAsync(Outbox outbox, CancellationToken cancellationToken)
    {
        while (true)
        {
            var changed = agent.Probes.Changed;
            outbox.Report(agent.Probes.Results());
            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>How often what is told, as the controller's welcome asks.</summary>
    /// <param name="Longest">Longest silence.</param>
    /// <param name="Report">Between two reports; infinite when heartbeats tell that the agent lives.</param>
    /// <param name="Heartbeat">Longest between two heartbeats; null for none.</param>
    /// <param name="Usage">Between two looks at usage; null for none.</param>
    private sealed record Intervals(TimeSpan Longest, TimeSpan Report, TimeSpan? Heartbeat, TimeSpan? Usage)
    {
        public static Intervals From(Welcome welcome)
        {
            var report = Clamp(welcome.ReportIntervalMs, ReportIntervalMin, ReportIntervalMax);
            TimeSpan? heartbeat = welcome.HeartbeatIntervalMs > 0 ? Clamp(welcome.HeartbeatIntervalMs, ReportIntervalMin, ReportIntervalMax) : null;
            return new(
                heartbeat ?? report, heartbeat is null ? report : Timeout.InfiniteTimeSpan, heartbeat,
                welcome.UsageIntervalMs > 0 ? Clamp(welcome.UsageIntervalMs, UsageIntervalMin, UsageIntervalMax) : null);
        }

        private static TimeSpan Clamp(int milliseconds, TimeSpan least, TimeSpan most) =>
            TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, least.TotalMilliseconds, most.TotalMilliseconds));
    }

    private static partial class Log
    {
        [LoggerMessage(1120, LogLevel.Information, "Connected to the controller as {Node}; a sign of life at least every {Interval} ms", EventName = "LinkWelcomed")]
        public static partial void Welcomed(ILogger logger, string node, double interval);
    }
}

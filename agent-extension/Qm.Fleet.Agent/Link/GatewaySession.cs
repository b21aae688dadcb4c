using Grpc.Core;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Link;

/// <summary>One stream to the controller: hello, welcome, then reports and results out and commands in, until either side ends it.</summary>
internal sealed partial class GatewaySession(NodeAgent agent, TimeProvider time, ILogger<GatewaySession> logger)
{
    /// <summary>The version of gateway.proto that is spoken.</summary>
    public const int Protocol = 1;

    private static readonly TimeSpan WelcomeDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ReportIntervalMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ReportIntervalMax = TimeSpan.FromMinutes(1);
    private readonly ReportPace _pace = new(time);

    /// <summary>Whether the controller welcomed this stream.</summary>
    public bool Welcomed { get; private set; }

    /// <summary>Runs one stream; returns when the controller ends it.</summary>
    /// <exception cref="RpcException">The stream failed or was refused.</exception>
    /// <exception cref="TimeoutException">The controller did not answer the hello.</exception>
    public async Task RunAsync(NodeGateway.NodeGatewayClient client, Hello hello, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var call = client.Connect(cancellationToken: stop.Token);
        using var outbox = new Outbox();
        var desk = agent.OpenDesk(outbox);
        await using var _ = desk.ConfigureAwait(false);
        await call.RequestStream.WriteAsync(new AgentMessage { Hello = hello }, stop.Token).ConfigureAwait(false);
        var interval = await WelcomeAsync(call.ResponseStream, stop.Token).ConfigureAwait(false);
        Welcomed = true;
        Log.Welcomed(logger, hello.Node, interval.TotalMilliseconds);

        Task[] work =
        [
            ReceiveAsync(call.ResponseStream, outbox, desk, stop.Token),
            SendAsync(call.RequestStream, outbox, stop.Token),
            WatchAsync(outbox, interval, stop.Token),
        ];
        var first = await Task.WhenAny(work).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        // The others end because of the first; only that one's outcome tells why.
        await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first.ConfigureAwait(false);
    }

    private async Task<TimeSpan> WelcomeAsync(IAsyncStreamReader<ControllerMessage> messages, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(WelcomeDeadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            if (!await messages.MoveNext(either.Token).ConfigureAwait(false) || messages.Current.Welcome is not { } welcome)
            {
                throw new RpcException(new Status(StatusCode.FailedPrecondition, "the controller's first message was no welcome"));
            }

            var interval = TimeSpan.FromMilliseconds(welcome.ReportIntervalMs);
            return interval < ReportIntervalMin ? ReportIntervalMin : interval > ReportIntervalMax ? ReportIntervalMax : interval;
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
            if (messages.Current.Command is not { } command)
            {
                continue;
            }

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
    }

    private static async Task SendAsync(IClientStreamWriter<AgentMessage> messages, Outbox outbox, CancellationToken cancellationToken)
    {
        while (true)
        {
            foreach (var message in await outbox.TakeAsync(cancellationToken).ConfigureAwait(false))
            {
                await messages.WriteAsync(message, cancellationToken).ConfigureAwait(false);
            }
        }
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

    private static partial class Log
    {
        [LoggerMessage(1120, LogLevel.Information, "Connected to the controller as {Node}; a report at least every {Interval} ms", EventName = "LinkWelcomed")]
        public static partial void Welcomed(ILogger logger, string node, double interval);
    }
}

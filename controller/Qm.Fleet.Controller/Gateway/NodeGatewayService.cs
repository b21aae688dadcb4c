using Grpc.Core;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>The agents' door: greets an agent, then reads it until the link ends.</summary>
internal sealed partial class NodeGatewayService(
    AgentLinks links, OomKillSink oomKills, AgentRenewals renewals, ILinkGuard guard, IOptions<ControllerOptions> options, IHostApplicationLifetime lifetime, TimeProvider time,
    ILogger<NodeGatewayService> logger)
    : V1.NodeGateway.NodeGatewayBase
{
    /// <summary>The protocol this controller speaks.</summary>
    public const int Protocol = 1;

    /// <summary>Largest message of an agent, in bytes.</summary>
    public const int MaxMessageBytes = 1024 * 1024;

    /// <summary>So many kills for memory cost what a report does: each is an event.</summary>
    private const int KillsPerReport = 8;

    private static readonly AgentSaid Report = new(Messages: 1, Reports: 1, IsAsked: false);
    private static readonly AgentSaid Asked = new(Messages: 1, Reports: 0, IsAsked: true);

    private const int SilentIntervals = 3;
    private const long MaxLookAgeMs = 24 * 60 * 60 * 1000;
    private static readonly TimeSpan HelloDeadline = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public override async Task Connect(
        IAsyncStreamReader<V1.AgentMessage> requestStream, IServerStreamWriter<V1.ControllerMessage> responseStream, ServerCallContext context)
    {
        var interval = options.Value.ReportInterval;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var hello = await ReadHelloAsync(requestStream, context).ConfigureAwait(false);
        await guard.AdmitAsync(hello, context.GetHttpContext().Connection.RemoteIpAddress, end.Token).ConfigureAwait(false);
        var welcome = new V1.Welcome
        {
            ReportIntervalMs = (int)interval.TotalMilliseconds,
            HeartbeatIntervalMs = (int)interval.TotalMilliseconds,
            UsageIntervalMs = (int)options.Value.UsageInterval.TotalMilliseconds,
        };
        await renewals.GreetAsync(hello.Node, context.GetHttpContext().Connection.ClientCertificate, welcome, context.CancellationToken).ConfigureAwait(false);
        await responseStream.WriteAsync(new V1.ControllerMessage { Welcome = welcome }, context.CancellationToken).ConfigureAwait(false);

        using var link = new AgentLink(hello.Node, hello.BootId, responseStream.WriteAsync, time);
        links.Open(link);
        var reason = "the controller failed";
        try
        {
            reason = await ReadUntilEndAsync(requestStream, link, interval * SilentIntervals, end.Token).ConfigureAwait(false);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
        {
            reason = e.Status.Detail.TrimEnd('.');
            throw;
        }
        finally
        {
            links.Remove(link, reason);
        }
        throw new RpcException(new Status(StatusCode.Aborted, $"The link of {link.Node} ended: {link.ClosedBecause}."));
    }

    private async Task<V1.Hello> ReadHelloAsync(IAsyncStreamReader<V1.AgentMessage> requests, ServerCallContext context)
    {
        var caller = context.Caller();
        var first = await NextAsync(requests, HelloDeadline, context.CancellationToken).ConfigureAwait(false);
        if (first.Message?.Hello is not { } hello)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"The first message of {caller.Actor} was not a Hello: {first.End}."));
        }
        if (hello.Node != caller.Name)
        {
            Log.Impostor(logger, caller.Actor, hello.Node);
            throw new RpcException(new Status(
                StatusCode.PermissionDenied, $"The certificate is that of {caller.Name}, so it cannot speak for \"{hello.Node}\"."));
        }
        if (hello.Protocol != Protocol)
        {
            throw new RpcException(new Status(
                StatusCode.FailedPrecondition,
                $"The agent extension {hello.Version} speaks protocol {hello.Protocol}, this controller speaks {Protocol}. Install versions that fit."));
        }
        return hello;
    }

    /// <summary>Handles messages until there are no more.</summary>
    /// <returns>Why there are no more.</returns>
    private async Task<string> ReadUntilEndAsync(
        IAsyncStreamReader<V1.AgentMessage> requests, AgentLink link, TimeSpan patience, CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, link.Closed);
        while (true)
        {
            var (message, end) = await NextAsync(requests, patience, either.Token).ConfigureAwait(false);
            if (message is null)
            {
                return end;
            }
            links.Heard(link);
            if (Take(link, message) is not { } said)
            {
                return $"it sent an unexpected {message.BodyCase}";
            }
            // What it cost is known now, and paid before the next one is read: what an agent cannot send it has to keep, and the last of that is what it sends then.
            await guard.PaceAsync(link, said, message.CalculateSize(), either.Token).ConfigureAwait(false);
        }
    }

    /// <summary>Takes a message.</summary>
    /// <returns>What it counts as; null when it is none that may come here.</returns>
    private AgentSaid? Take(AgentLink link, V1.AgentMessage message)
    {
        switch (message.BodyCase)
        {
            case V1.AgentMessage.BodyOneofCase.Report:
                links.Report(link, message.Report);
                return link.TakeOwed() ? Asked : Report;
            case V1.AgentMessage.BodyOneofCase.Heartbeat:
                links.Looked(link, TimeSpan.FromMilliseconds(Math.Clamp(message.Heartbeat.LookedMsAgo, 0, MaxLookAgeMs)));
                if (message.Heartbeat.HasUsageReadMsAgo)
                {
                    links.UsageRead(link, TimeSpan.FromMilliseconds(Math.Clamp(message.Heartbeat.UsageReadMsAgo, 0, MaxLookAgeMs)));
                }
                return links.Vitals(link, message.Heartbeat) ? Report : Report with { Reports = 0 };
            case V1.AgentMessage.BodyOneofCase.Usage:
                links.Report(link, message.Usage);
                return Report;
            case V1.AgentMessage.BodyOneofCase.ProbeResults:
                links.Report(link, message.ProbeResults);
                return Report;
            case V1.AgentMessage.BodyOneofCase.Result:
                if (link.Complete(message.Result))
                {
                    return Asked;
                }
                Log.LateResult(logger, link.Node, message.Result.Id);
                return Report;
            case V1.AgentMessage.BodyOneofCase.Diagnostics:
                return link.Receive(message.Diagnostics) ? Asked : Report;
            case V1.AgentMessage.BodyOneofCase.OomKills:
                ReportBounds.Fit(message.OomKills);
                oomKills.Take(link, message.OomKills);
                return Report with { Reports = 1 + (message.OomKills.Kills.Count / KillsPerReport) };
            default:
                return null;
        }
    }

    /// <summary>The next message, or why none came.</summary>
    private async Task<(V1.AgentMessage? Message, string End)> NextAsync(
        IAsyncStreamReader<V1.AgentMessage> requests, TimeSpan patience, CancellationToken ct)
    {
        using var silence = new CancellationTokenSource(patience, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, ct);
        try
        {
            return await requests.MoveNext(limit.Token).ConfigureAwait(false) ? (requests.Current, "") : (null, "the agent closed it");
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            return (null, silence.IsCancellationRequested && !ct.IsCancellationRequested
                ? $"nothing was heard for {patience.TotalSeconds:0.###} s"
                : "the connection was lost or the controller stops");
        }
        catch (RpcException e)
        {
            return (null, e.Status.Detail.TrimEnd('.'));
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return (null, e.Message.TrimEnd('.'));
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1352, LogLevel.Warning, "Refused {Actor}, which claimed to be the node {Claimed}", EventName = nameof(Impostor))]
        public static partial void Impostor(ILogger logger, string actor, string claimed);

        [LoggerMessage(1353, LogLevel.Information, "Dropped a result of {Node} that nobody waits for any more: command {Id}",
            EventName = nameof(LateResult))]
        public static partial void LateResult(ILogger logger, string node, string id);
    }
}

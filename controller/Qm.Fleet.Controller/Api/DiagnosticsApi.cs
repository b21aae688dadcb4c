using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed class DiagnosticsApi(NodeStore nodes, AgentLinks links, IReconcileStore store, WatchStreams streams, EffectiveAnswer effective, TopRounds top, TimeProvider time)
    : V1.DiagnosticsService.DiagnosticsServiceBase
{
    /// <summary>Pieces of a bundle that a node may send before the client took some.</summary>
    public const int Window = 32;

    private const int MaxBundles = 8;
    private const int MaxNames = 100;
    private const int MaxKeyLength = 255;
    private const int MaxEffectiveBytes = 2 * 1024 * 1024;
    private const int MaxTops = 64;
    private const long MaxBundleBytes = 64L * 1024 * 1024;
    private static readonly TimeSpan CommandDeadline = TimeSpan.FromSeconds(60);

    // A check runs a few commands of ten seconds, a bundle one of thirty.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Between two looks for new entries; inside QM each one starts a program there.</summary>
    private static readonly TimeSpan Follow = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FollowInQm = TimeSpan.FromSeconds(2);

    private long _lastId;
    private int _bundles;
    private int _tops;

    /// <inheritdoc/>
    public override Task<V1.GetChecksResponse> GetChecks(V1.GetChecksRequest request, ServerCallContext context)
    {
        Find(request.Node);
        var report = links.LastReport(request.Node);
        return report?.Report.Checks is not { } checks
            ? throw Failures.Make(Code.FailedPrecondition, "NO_CHECKS", $"{request.Node} has told no checks since the controller started. Is its agent extension connected, and as new as the controller?")
            : Task.FromResult(new V1.GetChecksResponse { Node = request.Node, ReportedAt = report.ReceivedAt.ToTimestamp(), Results = { checks.Results } });
    }

    /// <inheritdoc/>
    public override async Task RunChecks(V1.RunChecksRequest request, IServerStreamWriter<V1.CheckResult> responseStream, ServerCallContext context)
    {
        Find(request.Node);
        if (request.Names.Count > MaxNames)
        {
            throw Failures.Invalid("names", $"{request.Names.Count} names are more than {MaxNames}");
        }

        using var end = streams.Link(context);
        var command = new V1.Command { RunChecks = new V1.RunChecks { Id = NextId(), Names = { request.Names }, Disturb = request.Disturb } };
        var what = (request.Names.Count == 0 ? "every check that disturbs nothing" : string.Join(", ", request.Names)) + (request.Disturb ? ", may disturb" : "");
        var diagnosis = new Diagnosis(request.Node, command.RunChecks.Id, command, new("ChecksRun", EventSeverity.Info, context.Caller().Actor, "", request.Node, "", $"runs {what}"));
        await ReadAsync(
            diagnosis, piece => piece.Check is { } check ? streams.SendAsync(responseStream, check, "Run the checks again.", end.Token) : Task.CompletedTask, end.Token)
            .ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async Task CollectBundle(V1.CollectBundleRequest request, IServerStreamWriter<V1.BundleChunk> responseStream, ServerCallContext context)
    {
        Find(request.Node);
        try
        {
            if (Interlocked.Increment(ref _bundles) > MaxBundles)
            {
                throw Failures.Make(Code.ResourceExhausted, "TOO_MANY_BUNDLES", $"{MaxBundles} bundles are being collected already. Ask again in a minute.");
            }

            using var end = streams.Link(context);
            var (id, until, bytes) = (NextId(), (long)Window, 0L);
            var diagnosis = new Diagnosis(request.Node, id, Collect(id, until), new("BundleCollected", EventSeverity.Info, context.Caller().Actor, "", request.Node, "", "collects a diagnostic bundle"));
            await ReadAsync(diagnosis, TakeAsync, end.Token).ConfigureAwait(false);

            async Task TakeAsync(V1.Diagnostics piece)
            {
                if ((bytes += piece.Data.Length) > MaxBundleBytes)
                {
                    throw Failures.Make(Code.DataLoss, "INCOMPLETE", $"The bundle of {request.Node} is larger than {MaxBundleBytes >> 20} MiB, so it was cut off.");
                }

                await streams.SendAsync(responseStream, new V1.BundleChunk { Data = piece.Data }, "Collect the bundle again.", end.Token).ConfigureAwait(false);
                if (!piece.Last && until - piece.Number <= Window / 2)
                {
                    until = piece.Number + Window;
                    await AskAsync(request.Node, Collect(id, until), end.Token).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            Interlocked.Decrement(ref _bundles);
        }
    }

    /// <inheritdoc/>
    public override async Task<V1.GetEffectiveResponse> GetEffective(V1.GetEffectiveRequest request, ServerCallContext context)
    {
        Find(request.Node);
        if (request.Key.Length > MaxKeyLength)
        {
            throw Failures.Invalid("key", $"{request.Key.Length} characters are more than {MaxKeyLength}");
        }

        var (answer, bytes) = (new V1.GetEffectiveResponse { Node = request.Node }, 0);
        var command = new V1.Command { ReadEffective = new V1.ReadEffective { Id = NextId(), Key = request.Key } };
        await ReadAsync(new Diagnosis(request.Node, command.ReadEffective.Id, command, null), TakeAsync, context.CancellationToken).ConfigureAwait(false);
        await effective.CompleteAsync(answer, links.LastReport(request.Node)?.Report, context.CancellationToken).ConfigureAwait(false);
        return answer;

        Task TakeAsync(V1.Diagnostics piece)
        {
            if ((bytes += piece.CalculateSize()) > MaxEffectiveBytes)
            {
                throw Failures.Make(Code.DataLoss, "INCOMPLETE", $"{request.Node} told more than {MaxEffectiveBytes >> 20} MiB of settings, so nothing of it is shown. Ask for one key.");
            }

            answer.Settings.AddRange(piece.Settings);
            answer.Problems.AddRange(piece.Findings);
            return Task.CompletedTask;
        }
    }

    /// <inheritdoc/>
    public override async Task GetLogs(V1.GetLogsRequest request, IServerStreamWriter<V1.LogEntry> responseStream, ServerCallContext context)
    {
        var asked = LogRequests.Check(request);
        Find(request.Node);
        using var end = streams.Link(context);
        var told = new EventDraft("LogsRead", EventSeverity.Info, context.Caller().Actor, "", request.Node, request.Unit, $"reads the journal {(request.InQm ? "inside QM" : "of the host")}{(request.Follow ? " and follows it" : "")}") { Origin = context.Origin(request) };

        // One bounded reading after the other, each from where the last one ended: nothing on the node outlives the client, and a lost link costs one of them.
        for (var (audit, isMore) = ((EventDraft?)told, false); ; audit = null)
        {
            asked.Id = NextId();
            await ReadAsync(new Diagnosis(request.Node, asked.Id, new V1.Command { ReadLogs = asked }, audit), TakeAsync, end.Token).ConfigureAwait(false);
            if (!isMore && !request.Follow)
            {
                return;
            }
            if (!isMore)
            {
                await Task.Delay(request.InQm ? FollowInQm : Follow, time, end.Token).ConfigureAwait(false);
            }

            async Task TakeAsync(V1.Diagnostics piece)
            {
                foreach (var entry in piece.Entries)
                {
                    await streams.SendAsync(responseStream, entry, "Read the logs again since the last entry.", end.Token).ConfigureAwait(false);
                }

                isMore = piece.Last && piece.More && piece.Cursor.Length > 0;
                asked.AfterCursor = piece.Cursor.Length > 0 ? piece.Cursor : asked.AfterCursor;
            }
        }
    }

    /// <inheritdoc/>
    public override async Task<V1.GetUsageResponse> GetUsage(V1.GetUsageRequest request, ServerCallContext context)
    {
        Find(request.Node);
        var answer = new UsageAnswer(request, time);
        var command = new V1.Command { ReadUsage = answer.Ask(NextId()) };
        await ReadAsync(new Diagnosis(request.Node, command.ReadUsage.Id, command, null), answer.TakeAsync, context.CancellationToken).ConfigureAwait(false);
        return answer.Answer;
    }

    /// <inheritdoc/>
    public override async Task WatchTop(V1.WatchTopRequest request, IServerStreamWriter<V1.Top> responseStream, ServerCallContext context)
    {
        var rounds = top.Of(request, context.View());
        try
        {
            if (Interlocked.Increment(ref _tops) > MaxTops)
            {
                throw Failures.Make(Code.ResourceExhausted, "TOO_MANY_WATCHES", $"{MaxTops} clients are watching already. Ask for one round in a minute, or end another watch.");
            }

            using var end = streams.Link(context);
            do
            {
                foreach (var part in rounds.Next())
                {
                    await streams.SendAsync(responseStream, part, "Watch again, at a longer interval or fewer nodes.", end.Token).ConfigureAwait(false);
                }
            }
            while (await rounds.PauseAsync(end.Token).ConfigureAwait(false));
        }
        finally
        {
            Interlocked.Decrement(ref _tops);
        }
    }

    private static V1.Command Collect(string id, long until) => new() { CollectBundle = new V1.CollectBundle { Id = id, Until = until } };

    // Who asked is in the audit trail before anything is asked of the node.
    private async Task ReadAsync(Diagnosis asked, Func<V1.Diagnostics, Task> take, CancellationToken ct)
    {
        var node = asked.Node;
        try
        {
            using var diagnosis = links.Listen(node, asked.Id);
            if (asked.Audit is { } audit)
            {
                await store.AppendEventsAsync([audit], ct).ConfigureAwait(false);
            }

            await AskAsync(node, asked.Command, ct).ConfigureAwait(false);
            var number = 0L;
            while (true)
            {
                var piece = await diagnosis.NextAsync(Patience, ct).ConfigureAwait(false);
                if (piece.Number != ++number || (piece.Last && piece.Problem.Length > 0))
                {
                    throw Failures.Make(Code.DataLoss, "INCOMPLETE", piece.Problem.Length > 0 ? $"{node} could not tell everything: {piece.Problem}" : $"A piece from {node} is missing. Ask again.");
                }

                await take(piece).ConfigureAwait(false);
                if (piece.Last)
                {
                    return;
                }
            }
        }
        catch (OutcomeUnknownException e)
        {
            throw Failures.Make(Code.Aborted, "OUTCOME_UNKNOWN", e.Message);
        }
        catch (AgentUnreachableException e)
        {
            throw Failures.Make(Code.FailedPrecondition, "AGENT_UNREACHABLE", e.Message);
        }
    }

    private async Task AskAsync(string node, V1.Command command, CancellationToken ct)
    {
        var result = await links.SendAsync(node, command, CommandDeadline, ct).ConfigureAwait(false);
        if (!result.Ok)
        {
            throw Failures.Make(
                result.Reason switch
                {
                    "UnknownCheck" or "DisturbingCheck" or "InvalidUnit" or "InvalidLogs" => Code.InvalidArgument,
                    "Busy" => Code.Aborted,
                    _ => Code.FailedPrecondition,
                },
                "REFUSED_BY_NODE", result.Message);
        }
    }

    private void Find(string node) => _ = nodes.Find(node) ?? throw Failures.NotFound("node", node);

    private string NextId() => Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);

    /// <summary>A closer look that somebody asked for.</summary>
    /// <param name="Node">At which node.</param>
    /// <param name="Id">Names it on the link.</param>
    /// <param name="Command">Begins it.</param>
    /// <param name="Audit">Says who asked; null where files are read and nothing else.</param>
    private sealed record Diagnosis(string Node, string Id, V1.Command Command, EventDraft? Audit);
}

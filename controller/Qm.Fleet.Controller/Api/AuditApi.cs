using Grpc.Core;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Audit;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
/// <remarks>Both read the log batch by batch, each a snapshot of its own: what is before an event never changes, and who does not read holds one batch.</remarks>
internal sealed class AuditApi(EventLog log, WatchStreams streams) : V1.AuditService.AuditServiceBase
{
    private const int BatchSize = 500;

    /// <inheritdoc/>
    public override Task<V1.VerifyAuditResponse> Verify(V1.VerifyAuditRequest request, ServerCallContext context)
    {
        var chain = new AuditChain(Remembered(request));
        return Task.FromResult(Answer(chain, Walk(chain, context.CancellationToken)));
    }

    /// <inheritdoc/>
    public override async Task Export(V1.ExportAuditRequest request, IServerStreamWriter<V1.Event> responseStream, ServerCallContext context)
    {
        if (request.After < 0)
        {
            throw Failures.Invalid("after", FormattableString.Invariant($"{request.After} is not an event's number, nor 0"));
        }
        using var end = streams.Link(context);
        var last = log.LastNumber();
        foreach (var stored in From(request.After, end.Token).TakeWhile(stored => stored.Number <= last))
        {
            await streams.SendAsync(responseStream, stored.ToAudit(), FormattableString.Invariant($"Go on after event {stored.Number}."), end.Token).ConfigureAwait(false);
        }
    }

    private AuditBreak? Walk(AuditChain chain, CancellationToken ct)
    {
        foreach (var stored in From(0, ct))
        {
            if (chain.Take(stored.ToRecord(), stored.Hash) is { } wrong)
            {
                return wrong;
            }
        }
        return chain.Finish();
    }

    private IEnumerable<StoredEvent> From(long after, CancellationToken ct)
    {
        while (log.After(after, "", "", BatchSize) is { Count: > 0 } batch)
        {
            foreach (var stored in batch)
            {
                yield return stored;
                after = stored.Number;
            }
            ct.ThrowIfCancellationRequested();
        }
    }

    private static V1.VerifyAuditResponse Answer(AuditChain chain, AuditBreak? wrong) => new()
    {
        Fault = (V1.VerifyAuditResponse.Types.Fault)(wrong?.Fault ?? 0),
        Number = wrong?.Number ?? 0,
        Reason = wrong?.Reason ?? "",
        EndNumber = chain.End.Number,
        EndHash = Convert.ToHexStringLower(chain.End.Hash.AsSpan()),
    };

    private static AuditLink? Remembered(V1.VerifyAuditRequest request)
    {
        if (request is { Number: 0, Hash.Length: 0 })
        {
            return null;
        }
        var hash = AuditLink.HashOf(request.Hash);
        List<Problem> problems = [];
        if (request.Number <= 0)
        {
            problems.Add(new("number", FormattableString.Invariant($"{request.Number} is not an event's number")));
        }
        if (hash.Length == 0)
        {
            problems.Add(new("hash", "it is no hash of an event: 64 lower-case hex digits"));
        }
        return problems.Count == 0 ? new AuditLink(request.Number, [.. hash]) : throw Failures.Invalid(problems);
    }
}

using Grpc.Core;
using Qm.Fleet.Core.Audit;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>An AuditService over a list of events, and with an answer that a test put in.</summary>
internal sealed class FakeAudit : AuditService.AuditServiceBase
{
    public List<Event> Stored { get; } = [];

    public List<VerifyAuditRequest> Verified { get; } = [];

    public VerifyAuditResponse Answer { get; set; } = new();

    /// <summary>Appends an event with its number and its hash.</summary>
    public void Append(Event item)
    {
        item.Number = Stored.Count + 1;
        var previous = Stored.Count == 0 ? AuditLink.Begin.Hash : [.. AuditLink.HashOf(Stored[^1].Hash)];
        item.Hash = Convert.ToHexStringLower(new AuditRecord(
            item.Number, item.Time.Seconds, item.Time.Nanos, (int)item.Severity, item.Reason, item.Actor, item.Fleet, item.Node, item.Unit, item.Message,
            new(item.Source, item.RequestId, item.Before, item.After)).Hash(previous.AsSpan()));
        Stored.Add(item);
        (Answer.EndNumber, Answer.EndHash) = (item.Number, item.Hash);
    }

    public override Task<VerifyAuditResponse> Verify(VerifyAuditRequest request, ServerCallContext context)
    {
        Verified.Add(request);
        return Task.FromResult(Answer);
    }

    public override async Task Export(ExportAuditRequest request, IServerStreamWriter<Event> responseStream, ServerCallContext context)
    {
        foreach (var item in Stored.Where(item => item.Number > request.After))
        {
            await responseStream.WriteAsync(item);
        }
    }
}

using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A RevisionService that answers as a test tells it to.</summary>
internal sealed class FakeRevisions : RevisionService.RevisionServiceBase
{
    public List<Revision> Stored { get; } = [];

    /// <summary>Answers Diff.</summary>
    public DiffRevisionsResponse Difference { get; set; } = new();

    public override Task<ListRevisionsResponse> List(ListRevisionsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListRevisionsResponse { Revisions = { Stored } });

    public override Task<DiffRevisionsResponse> Diff(DiffRevisionsRequest request, ServerCallContext context) => Task.FromResult(Difference);
}

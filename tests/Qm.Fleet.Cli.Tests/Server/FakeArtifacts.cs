using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.V1;
using Xunit;
using Status = Google.Rpc.Status;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>An ArtifactService that keeps what it is sent, and ends calls early as a test tells it to.</summary>
internal sealed class FakeArtifacts : ArtifactService.ArtifactServiceBase
{
    private readonly List<byte> _came = [];

    public List<Artifact> Stored { get; } = [];

    public List<PushArtifactHeader> Headers { get; } = [];

    /// <summary>The reason and after how many bytes each push ends, one after the other; those after the last go through.</summary>
    public Queue<(string Reason, int Bytes)> Ends { get; } = new();

    public byte[] Came => [.. _came];

    public override Task<GetUploadResponse> GetUpload(GetUploadRequest request, ServerCallContext context) => Task.FromResult(
        Stored.Find(artifact => artifact.Sha256 == request.Sha256) is { } artifact
            ? new GetUploadResponse { HaveBytes = artifact.SizeBytes, Artifact = artifact }
            : new GetUploadResponse { HaveBytes = _came.Count });

    public override async Task<Artifact> Push(IAsyncStreamReader<PushArtifactRequest> requestStream, ServerCallContext context)
    {
        Assert.True(await requestStream.MoveNext(context.CancellationToken));
        var header = requestStream.Current.Header;
        Headers.Add(header);
        Assert.Equal(_came.Count, header.OffsetBytes);
        var (reason, bytes) = Ends.TryDequeue(out var end) ? end : ("", int.MaxValue);
        while (_came.Count < bytes && await requestStream.MoveNext(context.CancellationToken))
        {
            _came.AddRange(requestStream.Current.Data.Span);
        }

        if (reason.Length > 0)
        {
            var status = new Status { Code = (int)Code.Aborted, Message = "not yet" };
            status.Details.Add(Any.Pack(new ErrorInfo { Reason = reason }));
            throw status.ToRpcException();
        }

        Stored.Add(new() { Sha256 = header.Sha256, Name = header.Name, SizeBytes = header.SizeBytes, PushedAt = CliTest.Now.ToTimestamp(), PushedBy = "admin:test" });
        return Stored[^1];
    }

    public override Task<ListArtifactsResponse> List(ListArtifactsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListArtifactsResponse { Artifacts = { Stored } });

    public override Task<Artifact> Delete(DeleteArtifactRequest request, ServerCallContext context)
    {
        var artifact = Stored.Find(artifact => artifact.Sha256 == request.Sha256)
            ?? throw new RpcException(new(StatusCode.NotFound, $"There is no artifact \"{request.Sha256}\"."));
        if (artifact.UsedBy.Count > 0)
        {
            throw new RpcException(new(StatusCode.FailedPrecondition, $"{artifact.Name} is needed by {string.Join(", ", artifact.UsedBy)}."));
        }

        if (!request.DryRun)
        {
            Stored.Remove(artifact);
        }

        return Task.FromResult(artifact);
    }
}

using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Artifacts;

/// <inheritdoc/>
internal sealed class ArtifactApi(ArtifactStore store, ArtifactFolder folder, ArtifactUploads uploads, WatchStreams streams, Mutations mutations) : V1.ArtifactService.ArtifactServiceBase
{
    /// <inheritdoc/>
    public override Task<V1.GetUploadResponse> GetUpload(V1.GetUploadRequest request, ServerCallContext context)
    {
        Check(request.Sha256);
        return Task.FromResult(store.Find(request.Sha256) is { } artifact
            ? new V1.GetUploadResponse { HaveBytes = artifact.Bytes, Artifact = ToWire(artifact) }
            : new V1.GetUploadResponse { HaveBytes = folder.PartLengthOf(request.Sha256) });
    }

    /// <inheritdoc/>
    public override async Task<V1.Artifact> Push(IAsyncStreamReader<V1.PushArtifactRequest> requestStream, ServerCallContext context)
    {
        using var end = streams.Link(context);
        if (!await requestStream.MoveNext(end.Token).ConfigureAwait(false) || requestStream.Current.Header is not { } header)
        {
            throw Failures.Invalid("header", "the first message has to hold it");
        }
        if (uploads.Problems(header) is { Count: > 0 } problems)
        {
            throw Failures.Invalid(problems);
        }
        return ToWire(store.Find(header.Sha256) ?? await uploads.ReceiveAsync(header, requestStream, context.Origin(requestStream.Current), end.Token).ConfigureAwait(false));
    }

    /// <inheritdoc/>
    public override Task<V1.ListArtifactsResponse> List(V1.ListArtifactsRequest request, ServerCallContext context) =>
        Task.FromResult(new V1.ListArtifactsResponse { Artifacts = { store.All().Select(ToWire) } });

    /// <inheritdoc/>
    public override Task<V1.Artifact> Delete(V1.DeleteArtifactRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        Check(request.Sha256);
        return Task.FromResult(new Mutation<V1.Artifact>(tx =>
        {
            var artifact = ArtifactStore.Delete(tx, request.Sha256, context.Caller().Actor) ?? throw Failures.NotFound("artifact", request.Sha256);
            return artifact.UsedBy.Count == 0
                ? ToWire(artifact)
                : throw Failures.Precondition(
                    $"{artifact.Name} is needed by {string.Join(", ", artifact.UsedBy)}. Give the fleet another rootfs, and wait until its revisionHistoryLimit forgets the revision, or delete the fleet.");
        })
        {
            Stored = () => uploads.Discard(request.Sha256),
        });
    });

    private static void Check(string sha256)
    {
        if (new RootfsArchive("", sha256).Sha256Problem() is { } problem)
        {
            throw Failures.Invalid("sha256", problem);
        }
    }

    private static V1.Artifact ToWire(StoredArtifact artifact) => new()
    {
        Sha256 = artifact.Sha256,
        Name = artifact.Name,
        SizeBytes = artifact.Bytes,
        PushedAt = artifact.PushedAt.ToTimestamp(),
        PushedBy = artifact.PushedBy,
        UsedBy = { artifact.UsedBy },
    };
}

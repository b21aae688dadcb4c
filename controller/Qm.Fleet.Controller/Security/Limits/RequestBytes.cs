using System.IO.Pipelines;
using System.Net;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Options;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>
/// Bounds how much of its requests one identity has the controller hold at once: what has come of messages and bodies that are not whole yet, and of those that are
/// being carried out. Any of them may be large; all of them together may not. What nobody reads does not count here: its sender keeps it, but for a window of
/// <see cref="ServerLimits.StreamWindowBytes"/>.
/// </summary>
internal sealed class RequestBytes(RequestDelegate next, IOptions<ControllerOptions> options, LimitTrail trail)
{
    /// <summary>The reason of a request that is refused for it.</summary>
    public const string TooMuch = "TOO_MUCH_AT_ONCE";

    private static readonly TimeSpan Later = TimeSpan.FromSeconds(1);

    private readonly Shares<string> _held = new();

    /// <summary>Hands the request on, and counts what is read of it.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        var caller = context.Features.Get<CallerIdentity>() ?? CallerIdentity.Nobody(context.Connection.RemoteIpAddress is { } address ? new IPEndPoint(address, 0) : null);
        using var held = new Held(this, caller.Actor);
        context.Features.Set(held);
        if (context.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<GrpcMethodMetadata>() is not null && endpoint.Metadata.GetMetadata<GrpcJsonTranscodingMetadata>() is null)
        {
            context.Features.Set<IRequestBodyPipeFeature>(new Counted(context.Request.BodyReader, held));
        }
        await next(context).ConfigureAwait(false);
    }

    private bool TryTake(string actor, int kibibytes) => _held.TryTake(actor, options.Value.Limits.RequestMemoryPerIdentity << 10, kibibytes);

    private async Task<RpcException> RefuseAsync(string actor)
    {
        var refusal = $"Requests of {actor} that are under way hold {options.Value.Limits.RequestMemoryPerIdentity} MiB already, which is the most.";
        await trail.NoteAsync(actor, LimitNames.RequestMemory, refusal).ConfigureAwait(false);
        return Failures.Make(Code.ResourceExhausted, TooMuch, $"{refusal} Ask again when some are done.", new RetryInfo { RetryDelay = Duration.FromTimeSpan(Later) });
    }

    /// <summary>What is held of one request, until it is answered.</summary>
    internal sealed class Held(RequestBytes all, string actor) : IDisposable
    {
        private int _kibibytes;

        /// <summary>Notes that so many bytes of it are held at once.</summary>
        /// <exception cref="RpcException">All of the identity together is too much.</exception>
        public async ValueTask GrowAsync(long bytes)
        {
            var more = (int)(bytes >> 10) - _kibibytes;
            if (more <= 0)
            {
                return;
            }
            if (!all.TryTake(actor, more))
            {
                throw await all.RefuseAsync(actor).ConfigureAwait(false);
            }
            _kibibytes += more;
        }

        /// <inheritdoc/>
        public void Dispose() => all._held.GiveBack(actor, _kibibytes);
    }

    /// <summary>A body whose bytes are counted as far as they are held before the reader takes them.</summary>
    private sealed class Counted(PipeReader inner, Held held) : PipeReader, IRequestBodyPipeFeature
    {
        public PipeReader Reader => this;

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await held.GrowAsync(read.Buffer.Length).ConfigureAwait(false);
            }
            catch
            {
                inner.AdvanceTo(read.Buffer.End);
                throw;
            }
            return read;
        }

        // Whoever asks without waiting asks again with it.
        public override bool TryRead(out ReadResult result)
        {
            result = default;
            return false;
        }

        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }
}

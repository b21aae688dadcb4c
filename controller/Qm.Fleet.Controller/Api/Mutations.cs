using System.Security.Cryptography;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api;

/// <summary>Something that was checked and is about to be stored.</summary>
/// <param name="Write">Stores it and says what is answered; throwing undoes everything.</param>
internal sealed record Mutation<TResponse>(Func<WriteTransaction, TResponse> Write)
    where TResponse : IMessage<TResponse>, new()
{
    /// <summary>What is done once it is on disk.</summary>
    public Action Stored { get; init; } = static () => { };

    /// <summary>What is done when nothing was stored after all: it failed, or was a dry run.</summary>
    public Action NotStored { get; init; } = static () => { };
}

/// <summary>The way of every call that changes something: dry runs keep nothing, and a call that names a request id is harmless to repeat.</summary>
/// <remarks>
/// <c>dry_run</c> and <c>request_id</c> are read from the request itself, whatever it is; the events of the change carry where it came from. The answer is stored in the transaction of its effect: either both are
/// there, or neither. Who repeats a call while the first goes on waits for it.
/// </remarks>
internal sealed class Mutations(Database database, TimeProvider time)
{
    private readonly KeyedTurns _turns = new();

    /// <summary>Whether a request only asks what would be.</summary>
    public static bool IsDryRun(IMessage request) => request.Descriptor.FindFieldByName("dry_run")?.Accessor.GetValue(request) is true;

    /// <summary>Makes a change that needs no look at anything but the store.</summary>
    public Task<TResponse> RunAsync<TResponse>(IMessage request, ServerCallContext context, Func<WriteTransaction, TResponse> write)
        where TResponse : IMessage<TResponse>, new() => RunAsync(request, context, () => Task.FromResult(new Mutation<TResponse>(write)));

    /// <summary>Makes a change.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="context">Who asks.</param>
    /// <param name="prepare">Checks it; not called for a repeat, whose check could find what the first call has changed.</param>
    /// <exception cref="RpcException">INVALID_ARGUMENT for an id that is no UUID; ALREADY_EXISTS for one that another call had.</exception>
    public async Task<TResponse> RunAsync<TResponse>(IMessage request, ServerCallContext context, Func<Task<Mutation<TResponse>>> prepare)
        where TResponse : IMessage<TResponse>, new()
    {
        var ct = context.CancellationToken;
        var dryRun = IsDryRun(request);
        if (RequestId(request) is not { } id || dryRun)
        {
            return await StoreAsync(await prepare().ConfigureAwait(false), static (_, _) => { }, dryRun, context.Origin(request), ct).ConfigureAwait(false);
        }

        var asked = new StoredAnswer(request.Descriptor.FullName, context.Caller().Actor, Hash(request), []);
        using var turn = await _turns.TakeAsync(id, ct).ConfigureAwait(false);
        if (database.Read(db => RequestRows.Find(db, id, time.GetUtcNow())) is { } first)
        {
            return Repeated<TResponse>(id, asked, first);
        }

        return await StoreAsync(await prepare().ConfigureAwait(false), (tx, response) => Keep(tx, id, asked with { Answer = response.ToByteArray() }), dryRun: false, context.Origin(request), ct).ConfigureAwait(false);
    }

    private async Task<TResponse> StoreAsync<TResponse>(Mutation<TResponse> mutation, Action<WriteTransaction, TResponse> keep, bool dryRun, Origin origin, CancellationToken ct)
        where TResponse : IMessage<TResponse>, new()
    {
        var isStored = false;
        try
        {
            var response = await database.WriteAsync(
                tx =>
                {
                    var answer = mutation.Write(tx);
                    keep(tx, answer);
                    return answer;
                },
                commit: !dryRun, ct, origin).ConfigureAwait(false);
            isStored = !dryRun;
            return response;
        }
        finally
        {
            (isStored ? mutation.Stored : mutation.NotStored)();
        }
    }

    private static void Keep(WriteTransaction tx, string id, StoredAnswer answer)
    {
        if (answer.Answer.Length > RequestRows.LargestBytes)
        {
            throw Failures.Make(
                Code.ResourceExhausted, "ANSWER_TOO_LARGE",
                $"The answer has {answer.Answer.Length} bytes; at most {RequestRows.LargestBytes} can be kept for repeats. Ask for less at once, or leave out request_id.");
        }
        RequestRows.Add(tx, id, answer);
    }

    private static TResponse Repeated<TResponse>(string id, StoredAnswer asked, StoredAnswer first)
        where TResponse : IMessage<TResponse>, new()
    {
        if (asked.Method != first.Method || asked.Actor != first.Actor || !asked.Hash.AsSpan().SequenceEqual(first.Hash))
        {
            // What another actor asked is none of this one's business.
            throw Failures.Make(
                Code.AlreadyExists, "REQUEST_ID_USED",
                $"Request id {id} was used within the last day for another call{(asked.Actor == first.Actor ? $" ({first.Method})" : "")}. Nothing was done; take a new id.",
                new ResourceInfo { ResourceType = "qm.fleet/v1/request", ResourceName = id });
        }
        var response = new TResponse();
        response.MergeFrom(first.Answer);
        return response;
    }

    private static string? RequestId(IMessage request)
    {
        var text = request.Descriptor.FindFieldByName("request_id")?.Accessor.GetValue(request) as string ?? "";
        return text.Length == 0 ? null
            : Guid.TryParseExact(text, "D", out var id) ? id.ToString()
            : throw Failures.Invalid("request_id", "it is no UUID such as 123e4567-e89b-12d3-a456-426614174000");
    }

    // Maps come in any order; in the hash they are sorted.
    private static byte[] Hash(IMessage request)
    {
        var same = request.Descriptor.Parser.ParseFrom(request.ToByteArray());
        same.Descriptor.FindFieldByName("request_id").Accessor.Clear(same);
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true) { Deterministic = true })
        {
            same.WriteTo(output);
        }
        return SHA256.HashData(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }
}

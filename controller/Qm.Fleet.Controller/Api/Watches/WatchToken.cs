using System.Collections.Immutable;
using Qm.Fleet.Controller.Api.Lists;

namespace Qm.Fleet.Controller.Api.Watches;

/// <summary>Where a watch stands.</summary>
/// <param name="Epoch">The log it reads.</param>
/// <param name="Position">The last change of the log that it was told, or that is none of its.</param>
/// <param name="Event">The event log's number up to which everything was told; what a token is good for when its log is gone.</param>
/// <param name="Upto">Within the snapshot: the last resource that was told, by name; empty behind it.</param>
internal sealed record WatchToken(string Epoch, long Position, long Event, string Upto = "")
{
    private static readonly ImmutableArray<bool> Shape = [true, false, false, true];

    /// <summary>As a client keeps it; good for the same question only.</summary>
    public string Write(string question) => PageToken.Write(question, [Epoch, Position, Event, Upto]);

    /// <summary>The token of a request.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT when it is none, or of another question.</exception>
    public static WatchToken Read(string question, string text) => PageToken.Read(question, text, Shape) is [var epoch, { Number: >= 0 and var position }, { Number: >= 0 and var number }, var upto]
        ? new(epoch.Text!, position, number, upto.Text!)
        : throw Failures.Invalid("resume_token", "it is not the resume_token of a message to the same selectors");
}

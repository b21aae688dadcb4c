using System.Collections.Immutable;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>A call that waits for its answer; exactly one is sent, in the order in which answers and signals are asked for.</summary>
internal sealed class MethodCall(
    BusConnection connection, nint message, string sender, string path, string @interface, string member, ImmutableArray<BusValue> body)
{
    private int _answered;

    internal string Sender => sender;

    internal string Path => path;

    internal string Interface => @interface;

    internal string Member => member;

    internal ImmutableArray<BusValue> Body => body;

    internal string Signature => string.Concat(body.Select(value => value.Signature));

    internal bool IsAnswered => Volatile.Read(ref _answered) == 1;

    /// <summary>Answers with values.</summary>
    internal void Reply(params ImmutableArray<BusValue> values)
    {
        if (Interlocked.Exchange(ref _answered, 1) == 0)
        {
            connection.PostReply(message, values);
        }
    }

    /// <summary>Answers with an error.</summary>
    internal void ReplyError(string name, string text)
    {
        if (Interlocked.Exchange(ref _answered, 1) == 0)
        {
            connection.PostError(message, name, text);
        }
    }
}

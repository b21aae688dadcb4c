using System.Collections.Immutable;
using System.Text;

namespace Qm.Fleet.BlueChi.Bus;

/// <content>The other side: objects that others call, and signals they listen to.</content>
internal sealed partial class BusConnection
{
    private const string Failed = "org.freedesktop.DBus.Error.Failed";

    private volatile Service? _service;

    /// <summary>Answers calls to an object and everything below it.</summary>
    /// <param name="root">The object path.</param>
    /// <param name="handler">
    /// Begins on the connection's thread, call after call in the order of the wire, and may go on elsewhere; answers with
    /// <see cref="MethodCall.Reply"/>, or throws <see cref="BusErrorException"/>. Calls that are not answered get an error.
    /// </param>
    internal void Serve(string root, Func<MethodCall, Task> handler) => _service = new(root, handler);

    /// <summary>Sends a signal, to everyone who listens or to one connection only.</summary>
    internal void Emit(string path, string @interface, string member, ImmutableArray<BusValue> body, string? destination = null) => Post(() =>
    {
        Check(SdBus.NewSignal(_bus, out var message, path, @interface, member), $"make the signal {member}");
        try
        {
            if (destination is not null)
            {
                Check(SdBus.SetDestination(message, destination), $"address the signal {member}");
            }

            MessageCodec.WriteBody(message, body.AsSpan());
            Check(SdBus.Send(_bus, message, 0), $"send the signal {member}");
        }
        finally
        {
            SdBus.MessageUnref(message);
        }
    });

    internal void PostReply(nint call, ImmutableArray<BusValue> values) => PostAnswer(call, () =>
    {
        Check(SdBus.NewMethodReturn(call, out var message), "make a reply");
        try
        {
            MessageCodec.WriteBody(message, values.AsSpan());
            return message;
        }
        catch (BusFormatException)
        {
            SdBus.MessageUnref(message);
            throw;
        }
    });

    internal unsafe void PostError(nint call, string name, string text) => PostAnswer(call, () =>
    {
        fixed (byte* namePointer = Encoding.UTF8.GetBytes(name + '\0'), textPointer = Encoding.UTF8.GetBytes(text + '\0'))
        {
            var error = new SdBus.Error { Name = namePointer, Message = textPointer };
            Check(SdBus.NewMethodError(call, out var message, &error), "make an error");
            return message;
        }
    });

    private void SendAndRelease(nint message, string what)
    {
        try
        {
            Check(SdBus.Send(_bus, message, 0), $"send {what}");
        }
        finally
        {
            SdBus.MessageUnref(message);
        }
    }

    // Nobody is owed an answer by a connection that has ended, but what it holds of the call has to go.
    private void PostAnswer(nint call, Func<nint> make)
    {
        var answer = new PendingAnswer(this, call, make);
        try
        {
            Post(answer.Send);
        }
        catch (BusConnectionException)
        {
            answer.Drop();
        }
    }

    private unsafe int OnMethodCall(nint message)
    {
        var path = SdBus.Text(SdBus.GetPath(message));
        if (_service is not { } service || !service.Owns(path))
        {
            return 0;
        }

        // A body that cannot be read ends the connection, and a reference taken before would keep it.
        var body = MessageCodec.ReadBody(message);
        var call = new MethodCall(
            this, SdBus.MessageRef(message), SdBus.Text(SdBus.GetSender(message)), path, SdBus.Text(SdBus.GetInterface(message)), SdBus.Text(SdBus.GetMember(message)), body);
        _ = AnswerAsync(service.Handler, call);
        return 1;
    }

    // A caller is owed an answer whatever happens to its call.
#pragma warning disable CA1031
    private static async Task AnswerAsync(Func<MethodCall, Task> handler, MethodCall call)
    {
        try
        {
            await handler(call);
            if (!call.IsAnswered)
            {
                call.ReplyError(Failed, $"{call.Interface}.{call.Member} was not answered");
            }
        }
        catch (BusErrorException e)
        {
            call.ReplyError(e.Name, e.Message);
        }
        catch (Exception e)
        {
            call.ReplyError(Failed, $"{e.GetType().Name}: {e.Message}");
        }
    }
#pragma warning restore CA1031

    /// <summary>An answer that waits for the connection's thread; a call holds its connection, so one that is kept keeps all of it.</summary>
    private sealed class PendingAnswer(BusConnection connection, nint call, Func<nint> make)
    {
        internal void Send()
        {
            try
            {
                if (SdBus.GetExpectReply(call) > 0)
                {
                    connection.SendAndRelease(make(), "an answer");
                }
            }
            finally
            {
                SdBus.MessageUnref(call);
            }
        }

        internal void Drop()
        {
            lock (connection._gate)
            {
                SdBus.MessageUnref(call);
            }
        }
    }

    private sealed record Service(string Root, Func<MethodCall, Task> Handler)
    {
        internal bool Owns(string path) =>
            path.StartsWith(Root, StringComparison.Ordinal) && (path.Length == Root.Length || Root == "/" || path[Root.Length] == '/');
    }
}

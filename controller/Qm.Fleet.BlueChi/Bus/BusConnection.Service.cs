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
        MessageCodec.WriteBody(message, values.AsSpan());
        return message;
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

    private void PostAnswer(nint call, Func<nint> make)
    {
        if (_ended.Task.IsCompleted)
        {
            return;
        }

        Post(() =>
        {
            try
            {
                if (SdBus.GetExpectReply(call) > 0)
                {
                    var answer = make();
                    Check(SdBus.Send(_bus, answer, 0), "send an answer");
                    SdBus.MessageUnref(answer);
                }
            }
            finally
            {
                SdBus.MessageUnref(call);
            }
        });
    }

    private unsafe int OnMethodCall(nint message)
    {
        var path = SdBus.Text(SdBus.GetPath(message));
        if (_service is not { } service || !service.Owns(path))
        {
            return 0;
        }

        var call = new MethodCall(
            this, SdBus.MessageRef(message), SdBus.Text(SdBus.GetSender(message)), path, SdBus.Text(SdBus.GetInterface(message)),
            SdBus.Text(SdBus.GetMember(message)), MessageCodec.ReadBody(message));
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

    private sealed record Service(string Root, Func<MethodCall, Task> Handler)
    {
        internal bool Owns(string path) =>
            path.StartsWith(Root, StringComparison.Ordinal) && (path.Length == Root.Length || Root == "/" || path[Root.Length] == '/');
    }
}

using System.Reflection;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>Calls any method there is, by its descriptor.</summary>
internal static class EveryMethod
{
    /// <summary>Methods of all services, found and not listed, so that a new one is among them.</summary>
    public static IReadOnlyList<MethodDescriptor> All { get; } =
    [
        .. typeof(V1.Fleet).Assembly.GetTypes()
            .Where(static type => type.Namespace == typeof(V1.Fleet).Namespace)
            .Select(static type => type.GetProperty("Descriptor", typeof(FileDescriptor)))
            .OfType<PropertyInfo>()
            .Select(static property => (FileDescriptor)property.GetValue(null)!)
            .Concat([HealthReflection.Descriptor, Grpc.Reflection.V1.ReflectionReflection.Descriptor, Grpc.Reflection.V1Alpha.ReflectionReflection.Descriptor])
            .SelectMany(static file => file.Services)
            .SelectMany(static service => service.Methods),
    ];

    /// <summary>As it stands in a request's path.</summary>
    public static string PathOf(MethodDescriptor method) => $"/{method.Service.FullName}/{method.Name}";

    /// <summary>Makes a call and ends it as soon as it is known whether it was let in.</summary>
    /// <param name="invoker">The channel.</param>
    /// <param name="method">What is called.</param>
    /// <param name="request">The request's bytes; a stream of requests ends without any.</param>
    /// <param name="headers">Such as a bearer token.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <returns>How it ended; null when it goes on, as a watch does.</returns>
    public static async Task<Status?> CallAsync(CallInvoker invoker, MethodDescriptor method, byte[] request, Metadata headers, CancellationToken ct)
    {
        var bytes = Marshallers.Create(static (byte[] value) => value, static value => value);
        var type = (method.IsClientStreaming, method.IsServerStreaming) switch
        {
            (false, false) => MethodType.Unary,
            (false, true) => MethodType.ServerStreaming,
            (true, false) => MethodType.ClientStreaming,
            _ => MethodType.DuplexStreaming,
        };
        var grpc = new Method<byte[], byte[]>(type, method.Service.FullName, method.Name, bytes, bytes);
        var options = new CallOptions(headers, DateTime.UtcNow + RunningController.Deadline, ct);
        try
        {
            switch (type)
            {
                case MethodType.Unary:
                    await invoker.AsyncUnaryCall(grpc, null, options, request);
                    return Status.DefaultSuccess;
                case MethodType.ClientStreaming:
                    using (var pushed = invoker.AsyncClientStreamingCall(grpc, null, options))
                    {
                        await pushed.RequestStream.CompleteAsync();
                        await pushed;
                        return Status.DefaultSuccess;
                    }
                case MethodType.ServerStreaming:
                    using (var streamed = invoker.AsyncServerStreamingCall(grpc, null, options, request))
                    {
                        // Every watch has something to tell at once: a snapshot's end, or the event of the token that asks.
                        return await streamed.ResponseStream.MoveNext(ct) ? null : Status.DefaultSuccess;
                    }
                default:
                    using (var duplex = invoker.AsyncDuplexStreamingCall(grpc, null, options))
                    {
                        await duplex.RequestStream.CompleteAsync();
                        await duplex.ResponseStream.MoveNext(ct);
                        return Status.DefaultSuccess;
                    }
            }
        }
        catch (RpcException e)
        {
            return e.Status;
        }
    }
}

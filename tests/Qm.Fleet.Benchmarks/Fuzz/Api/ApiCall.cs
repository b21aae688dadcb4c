using System.Net;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Qm.Fleet.Controller.Rest;

namespace Qm.Fleet.Benchmarks.Fuzz.Api;

/// <summary>Makes one call out of randomness and judges its answer.</summary>
/// <param name="invoker">gRPC.</param>
/// <param name="rest">REST.</param>
/// <param name="methods">Every method there is, whether it is for the caller or not.</param>
internal sealed class ApiCall(CallInvoker invoker, HttpClient rest, IReadOnlyList<MethodDescriptor> methods)
{
    /// <summary>A call that takes longer hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>So long a stream, or whatever else waits by design, is listened to.</summary>
    private static readonly TimeSpan Listening = TimeSpan.FromMilliseconds(150);

    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(static bytes => bytes, static bytes => bytes);
    private static readonly StatusCode[] Defects = [StatusCode.Internal, StatusCode.Unknown, StatusCode.DataLoss];
    private readonly List<RestRoute> _routes = [.. methods.SelectMany(ApiServices.Routes)];

    // A channel keeps every method that it was ever given, so each is made once.
    private readonly Dictionary<MethodDescriptor, Method<byte[], byte[]>> _called = methods.ToDictionary(static method => method, static method => new Method<byte[], byte[]>(
        TypeOf(method), method.Service.FullName, method.Name, Raw, Raw));

    /// <summary>Makes it.</summary>
    /// <returns>What it was answered with, such as <c>grpc NotFound</c>.</returns>
    /// <exception cref="FuzzFailureException">With what no input may be answered with.</exception>
    internal Task<string> RunAsync(Random random, CancellationToken ct) => random.Next(2) == 0
        ? GrpcAsync(methods[random.Next(methods.Count)], random, ct)
        : RestAsync(_routes[random.Next(_routes.Count)], random, ct);

    private static bool Waits(MethodDescriptor method) => method.IsServerStreaming || method.IsClientStreaming || method.Name == "Wait";

    private async Task<string> GrpcAsync(MethodDescriptor method, Random random, CancellationToken ct)
    {
        var request = new RandomMessages(random).Of(method.InputType).ToByteArray();
        if (random.Next(5) == 0)
        {
            Damage(request, random);
        }

        var options = new CallOptions(deadline: TimeProvider.System.GetUtcNow().UtcDateTime + (Waits(method) ? Listening : Patience), cancellationToken: ct);
        try
        {
            await CallAsync(_called[method], request, options);
            return "grpc OK";
        }
        catch (RpcException e) when (!Defects.Contains(e.StatusCode) && (e.StatusCode is not StatusCode.DeadlineExceeded || Waits(method)))
        {
            return $"grpc {e.StatusCode}";
        }
        catch (RpcException e)
        {
            throw new FuzzFailureException($"{method.FullName} answered {e.StatusCode} \"{e.Status.Detail}\" to {Convert.ToBase64String(request)}", e);
        }
    }

    private static MethodType TypeOf(MethodDescriptor method) => (method.IsClientStreaming, method.IsServerStreaming) switch
    {
        (true, true) => MethodType.DuplexStreaming,
        (true, false) => MethodType.ClientStreaming,
        (false, true) => MethodType.ServerStreaming,
        _ => MethodType.Unary,
    };

    private async Task CallAsync(Method<byte[], byte[]> method, byte[] request, CallOptions options)
    {
        switch (method.Type)
        {
            case MethodType.Unary:
                await invoker.AsyncUnaryCall(method, null, options, request);
                break;
            case MethodType.ServerStreaming:
                using (var call = invoker.AsyncServerStreamingCall(method, null, options, request))
                {
                    await call.ResponseStream.MoveNext(CancellationToken.None);
                }

                break;
            case MethodType.ClientStreaming:
                using (var call = invoker.AsyncClientStreamingCall(method, null, options))
                {
                    // Whether it still takes the message is the server's; what it answers counts.
                    await WriteAsync(call.RequestStream, request);
                    await call.ResponseAsync;
                }

                break;
            default:
                using (var call = invoker.AsyncDuplexStreamingCall(method, null, options))
                {
                    await WriteAsync(call.RequestStream, request);
                    await call.ResponseStream.MoveNext(CancellationToken.None);
                }

                break;
        }
    }

    private static async Task WriteAsync(IClientStreamWriter<byte[]> stream, byte[] request)
    {
        try
        {
            await stream.WriteAsync(request);
            await stream.CompleteAsync();
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // The call has ended; its answer says why.
        }
    }

    private async Task<string> RestAsync(RestRoute route, Random random, CancellationToken ct)
    {
        var values = new RandomMessages(random);
        var address = Address(route, values, random);
        using var request = new HttpRequestMessage(HttpMethod.Parse(route.Verb), new Uri($"http://localhost{address}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        var body = route.Body is null ? "" : Body(route.Body, values, random);
        if (body.Length > 0)
        {
            request.Content = new StringContent(body, Encoding.UTF8, random.Next(20) == 0 ? "text/plain" : "application/json");
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        end.CancelAfter(Waits(route.Method) ? Listening : Patience);
        try
        {
            using var response = await rest.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, end.Token);
            if (response.StatusCode is HttpStatusCode.InternalServerError)
            {
                throw new FuzzFailureException($"{route} answered 500 to {address} {body}: {await response.Content.ReadAsStringAsync(end.Token)}");
            }

            if (!Waits(route.Method))
            {
                await response.Content.ReadAsByteArrayAsync(end.Token);
            }

            return $"rest {(int)response.StatusCode}";
        }
        catch (OperationCanceledException) when (Waits(route.Method) && !ct.IsCancellationRequested)
        {
            return "rest listened";
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new FuzzFailureException($"{route} did not answer {address} {body} within {Patience.TotalSeconds:0} s", e);
        }
    }

    private static string Address(RestRoute route, RandomMessages values, Random random)
    {
        var address = new StringBuilder();
        for (var at = 0; at < route.Template.Length;)
        {
            var begin = route.Template.IndexOf('{', at);
            if (begin < 0)
            {
                address.Append(route.Template, at, route.Template.Length - at);
                break;
            }

            var stop = route.Template.IndexOf('}', begin);
            var (name, pattern) = (route.Template[(begin + 1)..stop].Split('=')[0], route.Template[(begin + 1)..stop].Split('=').ElementAtOrDefault(1) ?? "");
            address.Append(route.Template, at, begin - at).Append(pattern.Split('*')[0]).Append(Escaped(values.Text(name.Split('.')[^1]), random));
            at = stop + 1;
        }

        var separator = '?';
        foreach (var (name, field) in route.Query.Where(_ => random.Next(3) == 0))
        {
            address.Append(separator).Append(name).Append('=').Append(Escaped(values.Text(field.Name), random));
            separator = '&';
        }

        return address.ToString();
    }

    private static string Escaped(string text, Random random) => random.Next(12) switch
    {
        0 => "%ff%28",
        1 => "%",
        _ => Uri.EscapeDataString(text),
    };

    private static string Body(MessageDescriptor message, RandomMessages values, Random random)
    {
        string text;
        try
        {
            text = JsonFormatter.Default.Format(values.Of(message));
        }
        catch (InvalidOperationException)
        {
            // Some times, durations and masks have no JSON.
            text = "{\"requestId\": \"" + random.Next() + "\"}";
        }

        if (random.Next(5) > 0)
        {
            return text;
        }

        var letters = text.ToCharArray();
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            letters[random.Next(letters.Length)] = "{}[]\":,0x \u00fc\\"[random.Next(12)];
        }

        return new string(letters);
    }

    private static void Damage(byte[] bytes, Random random)
    {
        for (var count = Math.Min(bytes.Length, random.Next(1, 4)); count > 0; count--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }
    }
}

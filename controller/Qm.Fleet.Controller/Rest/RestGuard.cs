using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using Google.Rpc;
using Grpc.Core;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Security.Limits;
using HttpRequest = Microsoft.AspNetCore.Http.HttpRequest;

namespace Qm.Fleet.Controller.Rest;

/// <summary>
/// Looks at requests of REST before they become messages: what they are sent as, how large they are, and that every field is known. What
/// the transcoding behind it would pass over in silence, or refuse without saying where, is refused here with every problem.
/// </summary>
internal sealed class RestGuard(RequestDelegate next, TimeProvider time)
{
    /// <summary>Most bytes of a body, as of a gRPC message: 4 MiB.</summary>
    public const int MaxBodyBytes = 4 * 1024 * 1024;

    /// <summary>A body that is not there within this is not waited for: 30 seconds.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private const string TooLarge = "TOO_LARGE";
    private const int PieceBytes = 16 * 1024;

    private static readonly byte[] Nothing = "{}"u8.ToArray();
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // One for each endpoint there is.
    private readonly ConcurrentDictionary<Endpoint, RestRoute> _routes = [];

    /// <summary>Answers for the request, or hands it on.</summary>
    public Task InvokeAsync(HttpContext context) =>
        context.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<GrpcJsonTranscodingMetadata>() is { } rest
            ? CheckAsync(context, _routes.GetOrAdd(endpoint, static (_, rest) => new RestRoute(rest.MethodDescriptor, rest.HttpRule), rest))
            : next(context);

    private async Task CheckAsync(HttpContext context, RestRoute route)
    {
        if (Target(context) is { } target)
        {
            await Refusal.AnswerAsync(context, Failures.Invalid("", target)).ConfigureAwait(false);
            return;
        }
        var problems = QueryShape.Check(route, context.Request.Query).ToList();
        var body = Nothing;
        if (route.Body is { } message)
        {
            if (Form(context.Request) is { } form)
            {
                await Refusal.AnswerAsync(context, Failures.Invalid("", form), StatusCodes.Status415UnsupportedMediaType).ConfigureAwait(false);
                return;
            }
            try
            {
                body = await ReadAsync(context).ConfigureAwait(false);
            }
            catch (RpcException e)
            {
                await Refusal.AnswerAsync(context, e, e.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason == TooLarge ? StatusCodes.Status413PayloadTooLarge : null).ConfigureAwait(false);
                return;
            }
            if (body.Length > 0 && context.Request.ContentType is null)
            {
                await Refusal.AnswerAsync(context, Failures.Invalid("", NotJson("an unknown type")), StatusCodes.Status415UnsupportedMediaType).ConfigureAwait(false);
                return;
            }
            // Nothing is a request without fields.
            body = body.Length == 0 ? Nothing : body;
            problems.AddRange(JsonShape.Check(message, body, route.BodyField?.Name ?? ""));
        }
        if (problems.Count > 0)
        {
            await Refusal.AnswerAsync(context, Failures.Invalid(problems)).ConfigureAwait(false);
            return;
        }
        if (route.Body is not null)
        {
            context.Request.Body = new MemoryStream(body, writable: false);
            context.Request.ContentType = StatusJson.MediaType;
        }
        await next(context).ConfigureAwait(false);
    }

    /// <summary>Percent signs in the target stand for bytes; what is no UTF-8 would otherwise be taken as it stands there.</summary>
    private static string? Target(HttpContext context)
    {
        var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var bytes = new byte[raw.Length * 3];
        var length = 0;
        for (var index = 0; index < raw.Length; index++)
        {
            if (raw[index] is '%')
            {
                if (index + 2 >= raw.Length || Convert.FromHexString(raw.AsSpan(index + 1, 2), bytes.AsSpan(length), out _, out _) is not OperationStatus.Done)
                {
                    return "a % in the address is not followed by two hexadecimal digits";
                }
                (length, index) = (length + 1, index + 2);
                continue;
            }
            length += Encoding.UTF8.GetBytes(raw.AsSpan(index, 1), bytes.AsSpan(length));
        }
        try
        {
            Strict.GetCharCount(bytes, 0, length);
            return null;
        }
        catch (DecoderFallbackException)
        {
            return "the address is not UTF-8";
        }
    }

    /// <summary>What is wrong with how a body is sent; a body is JSON, which no form of a web page can send.</summary>
    private static string? Form(HttpRequest request)
    {
        if (request.Headers.ContentEncoding.Count > 0)
        {
            return $"a body in {JsonType.Short(request.Headers.ContentEncoding.ToString())} is not read; send it as it is";
        }
        if (request.ContentType is null)
        {
            return null; // there may be no body
        }
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.MediaType.Equals(StatusJson.MediaType, StringComparison.OrdinalIgnoreCase))
        {
            return NotJson(JsonType.Short(request.ContentType));
        }
        return type.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) ? "only UTF-8 is read" : null;
    }

    private static string NotJson(string type) => $"a body of {type} is not read; send Content-Type: {StatusJson.MediaType}";

    private async Task<byte[]> ReadAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = MaxBodyBytes;
        }
        using var late = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, context.RequestAborted);
        using var buffer = new MemoryStream();
        try
        {
            var (held, piece) = (context.Features.GetRequiredFeature<RequestBytes.Held>(), new byte[PieceBytes]);
            while (await context.Request.Body.ReadAsync(piece, either.Token).ConfigureAwait(false) is > 0 and var count)
            {
                await held.GrowAsync(buffer.Length + count).ConfigureAwait(false);
                buffer.Write(piece, 0, count);
            }
            return buffer.ToArray();
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            throw Failures.Make(Code.DeadlineExceeded, "TOO_SLOW", $"The body was not there within {Patience.TotalSeconds:0} seconds.");
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw Failures.Make(Code.ResourceExhausted, TooLarge, $"The body is larger than {MaxBodyBytes >> 20} MiB.");
        }
        catch (IOException e)
        {
            // Nobody knows where the next request begins.
            context.Response.Headers.Connection = "close";
            throw Failures.Invalid("", $"the body does not read: {e.Message}");
        }
    }
}

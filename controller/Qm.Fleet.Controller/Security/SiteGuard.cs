using System.Net;
using Google.Rpc;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Options;
using HttpRequest = Microsoft.AspNetCore.Http.HttpRequest;

namespace Qm.Fleet.Controller.Security;

/// <summary>
/// Refuses what a browser sends for somebody else's page, with the certificate that its user has: requests of any page, requests under a name that is not the
/// controller's, and requests that two servers behind each other would take for two. Everything passes here, whatever it asks for.
/// </summary>
internal sealed class SiteGuard(RequestDelegate next, IOptions<ControllerOptions> options, Pki pki)
{
    private const string FetchSite = "Sec-Fetch-Site";
    private const string ByTheUser = "none";
    private const int LongestShown = 100;

    /// <summary>Where the server keeps the length of a body that came with an encoding that has no use for it.</summary>
    private const string LengthBesideEncoding = "X-Content-Length";

    /// <summary>What a server that hands a request on over HTTP/1.1 would read as how long its body is; HTTP/2 has none of it.</summary>
    private static readonly string[] OfHttp1 = [HeaderNames.TransferEncoding, HeaderNames.Connection, HeaderNames.KeepAlive, HeaderNames.Upgrade, "Proxy-Connection"];

    private readonly HashSet<string> _names = new(Listeners.ServerNames(options.Value), StringComparer.OrdinalIgnoreCase);

    /// <summary>Answers for the request, or hands it on.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (Page(request) is { } page)
        {
            return Refusal.AnswerAsync(context, Failures.Make(Code.PermissionDenied, "CROSS_ORIGIN", page));
        }
        // A Unix socket has no address, and no browser opens one.
        if (context.Connection.RemoteIpAddress is not null && !IsOurName(request.Host.Host))
        {
            return Refusal.AnswerAsync(
                context, Failures.Make(Code.PermissionDenied, "WRONG_HOST", $"\"{Short(request.Host.Host)}\" is no name of this controller; --name of the controller adds one."),
                StatusCodes.Status421MisdirectedRequest);
        }
        if (HttpProtocol.IsHttp2(request.Protocol))
        {
            return OfHttp1.FirstOrDefault(request.Headers.ContainsKey) is { } header
                ? Refusal.AnswerAsync(context, Failures.Invalid("", $"{header} is no header of HTTP/2"))
                : next(context);
        }
        // Whoever stands in between may go by another length of the body, and take what follows it for the next request, which is somebody else's: the server
        // takes more for a number than RFC 9110 does. With a certificate, all that comes on a connection is of one.
        if (context.Features.Get<CallerIdentity>() is null && HasBody(request))
        {
            context.Response.Headers.Connection = "close";
        }
        if (request.Headers.ContainsKey(HeaderNames.TransferEncoding) && (request.Headers.ContentLength is not null || request.Headers.ContainsKey(LengthBesideEncoding)))
        {
            context.Response.Headers.Connection = "close";
            return Refusal.AnswerAsync(context, Failures.Invalid("", "the request has both a Content-Length and a Transfer-Encoding"));
        }
        return next(context);
    }

    private static bool HasBody(HttpRequest request) => request.Headers.ContentLength is not (null or 0) || request.Headers.ContainsKey(HeaderNames.TransferEncoding);

    /// <summary>A browser says which page asks. None may: the controller has no pages that use this.</summary>
    private static string? Page(HttpRequest request) =>
        request.Headers.Origin is { Count: > 0 } origin ? $"The request comes from a page of {Short(origin)}; pages may not use the API."
        : request.Headers[FetchSite] is { Count: > 0 } site && site != ByTheUser ? $"The request comes from a page ({FetchSite}: {Short(site)}); pages may not use the API."
        : null;

    // An address is no name that somebody could have had resolve to this machine. What the certificate is for, clients have found it under.
    private bool IsOurName(string host) =>
        _names.Contains(host) || IPAddress.TryParse(host, out _) || (host.Length > 0 && Uri.CheckHostName(host) == UriHostNameType.Dns && pki.Server(_names).MatchesHostname(host, allowCommonName: false));

    private static string Short(StringValues text) => Core.Text.ShownText.Of(text.ToString(), LongestShown);
}

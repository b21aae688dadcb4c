using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Qm.Fleet.Agent.Tests.Rootfs;

/// <summary>A web server on loopback that serves one file over TLS, by range, and what it is asked for says whether as a controller or as any other.</summary>
internal sealed class TlsArchiveServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private TlsArchiveServer(WebApplication application) => _application = application;

    /// <summary>The file's address, on 127.0.0.1.</summary>
    public string Url => _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/rootfs.tar";

    /// <summary>Its address as a controller's.</summary>
    public Uri Origin => new(new Uri(Url).GetLeftPart(UriPartial.Authority));

    /// <summary>Protocol, path and the client's subject of each request, empty where it showed no certificate.</summary>
    public List<(string Protocol, string Path, string Client)> Requests { get; } = [];

    /// <summary>The Range header of each request, empty where there was none.</summary>
    public List<string> Ranges { get; } = [];

    /// <summary>Serves.</summary>
    /// <param name="certificate">What it shows.</param>
    /// <param name="file">What it serves.</param>
    /// <param name="cutOffAt">The first answer ends without a word after so many bytes; null for none.</param>
    /// <param name="redirectTo">Where it sends everybody instead; null for nowhere.</param>
    /// <param name="status">What it answers instead; null for the file.</param>
    public static async Task<TlsArchiveServer> StartAsync(
        X509Certificate2 certificate, byte[] file, int? cutOffAt = null, string? redirectTo = null, HttpStatusCode? status = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        // By callback, because Kestrel itself refuses to show a certificate that is no server's.
        var tls = new SslServerAuthenticationOptions
        {
            ServerCertificate = certificate,
            ClientCertificateRequired = true,
            RemoteCertificateValidationCallback = (_, client, _, _) => client is null or { Subject.Length: > 0 },
        };
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(
            IPAddress.Loopback, 0, listen => listen.UseHttps((_, _, _, _) => ValueTask.FromResult(tls), state: null!)));
        var server = new TlsArchiveServer(builder.Build());
        server._application.MapGet("/{**path}", async (HttpContext context) =>
        {
            server.Requests.Add((context.Request.Protocol, context.Request.Path, context.Connection.ClientCertificate?.Subject ?? ""));
            server.Ranges.Add(context.Request.Headers.Range.ToString());
            if (status is { } answer)
            {
                context.Response.StatusCode = (int)answer;
            }
            else if (redirectTo is not null)
            {
                context.Response.Redirect(redirectTo);
            }
            else if (cutOffAt is { } bytes && server.Ranges.Count == 1)
            {
                context.Response.ContentLength = file.Length;
                await context.Response.Body.WriteAsync(file.AsMemory(0, bytes));
                await context.Response.Body.FlushAsync();
                context.Abort();
            }
            else
            {
                await Results.File(file, enableRangeProcessing: true).ExecuteAsync(context);
            }
        });
        await server._application.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();
}

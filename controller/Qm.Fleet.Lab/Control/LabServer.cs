using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Qm.Fleet.Lab.Control;

/// <summary>Serves <see cref="LabApi"/> on a Unix socket, for whoever may write to it: the lab's user and root.</summary>
internal sealed class LabServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private LabServer(WebApplication app) => _app = app;

    /// <summary>Begins to serve.</summary>
    /// <param name="socket">A path that is free, in a directory of the lab's own.</param>
    /// <param name="injector">What does it.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<LabServer> StartAsync(string socket, FaultInjector injector, CancellationToken cancellation)
    {
        var builder = WebApplication.CreateEmptyBuilder(new() { ApplicationName = "qmfleet-lab" });
        builder.Logging.AddFilter(level => level >= LogLevel.Warning).AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(socket, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddRouting();
        builder.Services.AddSingleton(injector).AddSingleton<LabApi>();
        var app = builder.Build();
        app.UseRouting();
        app.MapGrpcService<LabApi>();
        await app.StartAsync(cancellation).ConfigureAwait(false);
        File.SetUnixFileMode(socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

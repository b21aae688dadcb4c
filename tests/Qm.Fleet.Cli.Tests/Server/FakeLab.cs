using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Lab.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A lab's socket in a directory of its own; it writes down what it is asked for and answers as a test says.</summary>
internal sealed class FakeLab : LabService.LabServiceBase, IAsyncDisposable
{
    private WebApplication _app = null!;

    /// <summary>The lab's directory, with a short path: a socket's may have 107 bytes.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("qmlab-").FullName;

    /// <summary>Everything that was asked for, in order.</summary>
    public List<object> Asked { get; } = [];

    /// <summary>The faults it answers with.</summary>
    public List<Fault> Faults { get; } = [];

    /// <summary>What it says of a fault that it begins.</summary>
    public Func<InjectRequest, string> Says { get; set; } = static _ => "it is so";

    /// <summary>What it answers instead; null for what was asked for.</summary>
    public RpcException? Error { get; set; }

    public static async Task<FakeLab> StartAsync()
    {
        var lab = new FakeLab();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(Path.Combine(lab.Folder, "lab.sock"), listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(lab);
        lab._app = builder.Build();
        lab._app.MapGrpcService<FakeLab>();
        await lab._app.StartAsync();
        return lab;
    }

    public override Task<InjectResponse> Inject(InjectRequest request, ServerCallContext context) => Answer(request, new InjectResponse { Message = Says(request) });

    public override Task<ListFaultsResponse> ListFaults(ListFaultsRequest request, ServerCallContext context) => Answer(request, new ListFaultsResponse { Faults = { Faults } });

    public override Task<ClearFaultsResponse> ClearFaults(ClearFaultsRequest request, ServerCallContext context) => Answer(request, new ClearFaultsResponse { Cleared = { Faults } });

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private Task<T> Answer<T>(object request, T answer)
    {
        Asked.Add(request);
        return Error is null ? Task.FromResult(answer) : Task.FromException<T>(Error);
    }
}

using System.Net;
using System.Security.Authentication;
using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qm.Fleet.V1;
using Pki = Qm.Fleet.Controller.Security.Pki;

namespace Qm.Fleet.Benchmarks.Agents;

/// <summary>A controller's gateway that does nothing but hand the streams of agents to the benchmark.</summary>
internal sealed class MeasuredGateway : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly Channel<AgentStream> _streams;

    private MeasuredGateway(WebApplication application, Channel<AgentStream> streams) => (_application, _streams) = (application, streams);

    internal string Address => _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    internal static async Task<MeasuredGateway> StartAsync(Pki pki, Welcome welcome, CancellationToken ct)
    {
        var streams = Channel.CreateUnbounded<AgentStream>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(pki.Server(["127.0.0.1"]), https =>
            {
                (https.SslProtocols, https.ClientCertificateMode) = (SslProtocols.Tls13, ClientCertificateMode.RequireCertificate);
                https.ClientCertificateValidation = static (_, _, _) => true;
            });
        }));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(new Gateway(streams.Writer, welcome));
        var application = builder.Build();
        application.MapGrpcService<Gateway>();
        await application.StartAsync(ct);
        return new(application, streams);
    }

    internal async Task<AgentStream> NextAsync(CancellationToken ct) => await _streams.Reader.ReadAsync(ct);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private sealed class Gateway(ChannelWriter<AgentStream> streams, Welcome welcome) : NodeGateway.NodeGatewayBase
    {
        public override async Task Connect(IAsyncStreamReader<AgentMessage> requestStream, IServerStreamWriter<ControllerMessage> responseStream, ServerCallContext context)
        {
            await requestStream.MoveNext(context.CancellationToken);
            await responseStream.WriteAsync(new() { Welcome = welcome }, context.CancellationToken);
            await streams.WriteAsync(new(requestStream, responseStream), context.CancellationToken);
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
        }
    }
}

/// <summary>One agent's stream, welcomed already.</summary>
internal sealed class AgentStream(IAsyncStreamReader<AgentMessage> messages, IServerStreamWriter<ControllerMessage> commands)
{
    private int _commands;

    /// <summary>Sends a command and waits for its result.</summary>
    /// <exception cref="InvalidOperationException">It was refused, or the agent ended.</exception>
    internal async Task DoAsync(Command command, CancellationToken ct)
    {
        command.Id = $"c{++_commands}";
        await commands.WriteAsync(new() { Command = command }, ct);
        while (await messages.MoveNext(ct))
        {
            if (messages.Current.Result is { } result && result.Id == command.Id)
            {
                if (!result.Ok)
                {
                    throw new InvalidOperationException($"the agent refused {command.ActionCase}: {result.Reason}: {result.Message}");
                }

                return;
            }
        }

        throw new InvalidOperationException("the agent ended its stream");
    }

    /// <summary>Takes what the agent tells, until cancelled.</summary>
    internal async Task<int> ListenAsync(CancellationToken ct)
    {
        var heard = 0;
        try
        {
            while (await messages.MoveNext(ct))
            {
                heard++;
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return heard;
        }

        throw new InvalidOperationException("the agent ended its stream");
    }
}

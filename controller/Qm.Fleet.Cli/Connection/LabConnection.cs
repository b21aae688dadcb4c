using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Qm.Fleet.Lab.V1;

namespace Qm.Fleet.Cli.Connection;

/// <summary>The lab's own service, on a socket beside the controller's.</summary>
internal sealed class LabConnection : IDisposable
{
    private const string HowToStart = "Start one with: dotnet run --project controller/Qm.Fleet.Lab\nthen take over the QMFLEET_SERVER it prints, or name its directory with --lab.";
    private const string SocketName = "lab.sock";
    private const string Unix = "unix:";

    private readonly GrpcChannel _channel;
    private readonly string _socket;

    private LabConnection(string socket, Calls calls)
    {
        _socket = socket;
        _channel = FleetConnection.OpenUnix(socket);
        Lab = new(_channel.Intercept(calls));
    }

    internal LabService.LabServiceClient Lab { get; }

    /// <summary>Prepares a connection; nothing is sent before the first call.</summary>
    /// <param name="directory">The lab's directory; null for that of the server's socket.</param>
    /// <param name="server">The server, as --server takes it.</param>
    /// <param name="calls">Deadlines and -v.</param>
    /// <exception cref="CliException">The server is not on this machine, so that no lab can be beside it.</exception>
    internal static LabConnection Open(string? directory, string server, Calls calls) =>
        directory is not null ? new(Path.Combine(directory, SocketName), calls)
        : server.StartsWith(Unix, StringComparison.Ordinal) ? new(Path.Combine(Path.GetDirectoryName(server[Unix.Length..]) ?? "", SocketName), calls)
        : throw new CliException(ExitCode.Invalid, $"--server {server}: a lab is found beside a Unix socket; name the lab's directory with --lab");

    /// <summary>Asks the lab for something.</summary>
    /// <exception cref="CliException">No lab is there.</exception>
    internal async Task<T> AskAsync<T>(Func<LabService.LabServiceClient, AsyncUnaryCall<T>> ask)
    {
        try
        {
            return await ask(Lab);
        }
        catch (RpcException e) when (RpcErrors.IsLost(e))
        {
            throw new CliException(ExitCode.Unreachable, $"no lab answers: {RpcErrors.Deepest(e)}\n{HowToStart}");
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded)
        {
            throw new CliException(ExitCode.TimedOut, $"the lab at {_socket} did not answer in time; --timeout gives it longer");
        }
    }

    public void Dispose() => _channel.Dispose();
}

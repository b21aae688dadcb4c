using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Grpc.Net.Client;

namespace Qm.Fleet.Controller.Tests;

/// <summary>The daemon as a process of its own, which can be killed.</summary>
internal sealed partial class ControllerProcess : IDisposable
{
    private readonly Process _process;
    private readonly string _socket;

    private ControllerProcess(Process process, string socket) => (_process, _socket) = (process, socket);

    /// <summary>Starts it; it may still end at once.</summary>
    public static ControllerProcess Start(TemporaryFolder folder, params ReadOnlySpan<string> more)
    {
        var socket = folder["run/qmfleet.sock"];
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "qm-fleet-controller"))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "run", "--state", folder["state"], "--listen", "127.0.0.1:0", "--socket", socket, "--metrics", "off" },
        };
        foreach (var argument in more)
        {
            start.ArgumentList.Add(argument);
        }
        return new ControllerProcess(Process.Start(start)!, socket);
    }

    public int Id => _process.Id;

    /// <summary>Waits for the one line on stdout.</summary>
    public async Task<string?> ReadyAsync() =>
        await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(RunningController.Deadline);

    public GrpcChannel Channel() => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socket), ct);
                return new NetworkStream(socket, ownsSocket: true);
            },
        },
    });

    public void Kill() => _process.Kill();

    public void Terminate() => Assert.Equal(0, SendSignal(_process.Id, 15));

    /// <summary>Waits for the end.</summary>
    /// <returns>The exit code, and what else was on stdout and stderr.</returns>
    public async Task<(int ExitCode, string Output, string Errors)> EndAsync()
    {
        var errors = _process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = _process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(RunningController.Deadline);
        return (_process.ExitCode, await output, await errors);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }
        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);
}

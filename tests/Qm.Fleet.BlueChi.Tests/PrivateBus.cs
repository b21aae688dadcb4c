using System.Diagnostics;
using Qm.Fleet.BlueChi.Bus;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests;

/// <summary>A dbus-daemon of the test's own, on a socket of its own.</summary>
public sealed class PrivateBus : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly string _directory = Directory.CreateTempSubdirectory("qmfleet-bus-").FullName;
    private Process? _daemon;

    /// <summary>Where the bus is.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Starts the daemon and waits until it listens.</summary>
    public async ValueTask InitializeAsync()
    {
        var config = Path.Combine(_directory, "bus.conf");
        await File.WriteAllTextAsync(config, $"""
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>session</type>
              <listen>unix:path={_directory}/bus.sock</listen>
              <auth>EXTERNAL</auth>
              <policy context="default">
                <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="false"/><allow receive_sender="*"/>
              </policy>
            </busconfig>
            """);
        _daemon = Process.Start(new ProcessStartInfo("dbus-daemon", ["--nofork", "--nopidfile", "--print-address", $"--config-file={config}"])
        {
            RedirectStandardOutput = true,
        })!;
        Address = await _daemon.StandardOutput.ReadLineAsync().WaitAsync(Deadline) ?? throw new InvalidOperationException("dbus-daemon ended at once");
    }

    internal Task<BusConnection> ConnectAsync() =>
        BusConnection.ConnectAsync(Address, Deadline, TimeProvider.System, TestContext.Current.CancellationToken);

    /// <summary>Kills the daemon, as a crash would.</summary>
    public void Kill() => _daemon?.Kill();

    /// <summary>Ends the daemon and removes its files.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null)
        {
            _daemon.Kill();
            await _daemon.WaitForExitAsync();
            _daemon.Dispose();
        }

        Directory.Delete(_directory, recursive: true);
    }
}

namespace Qm.Fleet.Lab.Processes;

/// <summary>A <c>dbus-daemon</c> of the lab's own, so that nothing of the machine's buses is touched.</summary>
internal sealed class PrivateBus : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private readonly ChildProcess _daemon;

    private PrivateBus(ChildProcess daemon, string address) => (_daemon, Address) = (daemon, address);

    /// <summary>Where to connect, such as <c>unix:path=/tmp/…</c>.</summary>
    public string Address { get; }

    /// <summary>Starts the daemon in a directory.</summary>
    /// <exception cref="LabException">It is not installed, or does not start.</exception>
    public static async Task<PrivateBus> StartAsync(ProcessLauncher launcher, string directory, string logs, TimeProvider time, CancellationToken cancellation)
    {
        var program = ProcessLauncher.Find("dbus-daemon")
            ?? throw new LabException("dbus-daemon is not installed; the lab runs a private one. Install it: apt-get install dbus   (or: dnf install dbus-daemon)");
        var socket = Path.Combine(directory, "bus.sock");
        var configuration = Path.Combine(directory, "bus.conf");
        await File.WriteAllTextAsync(configuration, $"""
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>session</type>
              <listen>unix:path={socket}</listen>
              <auth>EXTERNAL</auth>
              <policy context="default">
                <allow send_destination="*" eavesdrop="false"/>
                <allow own="*"/>
                <allow receive_sender="*"/>
                <allow user="*"/>
              </policy>
              <limit name="max_match_rules_per_connection">100000</limit>
              <limit name="max_replies_per_connection">100000</limit>
            </busconfig>
            """, cancellation).ConfigureAwait(false);
        var daemon = await ChildProcess.StartAsync(launcher, "dbus-daemon",
            [program, $"--config-file={configuration}", "--nofork", "--print-address"], logs, awaitedPrefix: "unix:").ConfigureAwait(false);
        try
        {
            return new(daemon, await daemon.LineAsync(Deadline, time, cancellation).ConfigureAwait(false));
        }
        catch (Exception e) when (e is LabException or OperationCanceledException)
        {
            await daemon.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public ValueTask DisposeAsync() => _daemon.DisposeAsync();
}

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Processes;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Peers;

/// <summary>A real bluechi-controller from <c>QMFLEET_BLUECHI_PREFIX</c>, on a private dbus-daemon and a TCP port of its own.</summary>
internal sealed class RealBlueChi : IAsyncDisposable
{
    /// <summary>Names an installed BlueChi: <c>usr/libexec/bluechi-controller</c> or <c>libexec/bluechi-controller</c> lies below it.</summary>
    public const string Variable = "QMFLEET_BLUECHI_PREFIX";

    private const string Defaults = "/usr/share/bluechi/config/controller.conf";
    private const string Heartbeats = "HeartbeatInterval=500\nNodeHeartbeatThreshold=2000";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly string _directory = Directory.CreateTempSubdirectory("qmfleet-peers-").FullName;
    private readonly ProcessLauncher _launcher = new();
    private readonly string _program;
    private PrivateBus? _bus;
    private ChildProcess? _controller;

    private RealBlueChi(string program) => _program = program;

    /// <summary>The bus it is on.</summary>
    public string BusAddress => _bus!.Address;

    /// <summary>Where agents connect.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Its process id.</summary>
    public int ProcessId => _controller!.Id;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Starts it, or skips the test with the reason.</summary>
    /// <param name="nodes">AllowedNodeNames.</param>
    public static async Task<RealBlueChi> StartAsync(IEnumerable<string> nodes)
    {
        var (program, obstacle) = Find();
        Assert.SkipWhen(program is null, obstacle);
        return await StartAsync(program, nodes, Heartbeats);
    }

    /// <summary>Starts a program that was found.</summary>
    /// <param name="program">The program.</param>
    /// <param name="nodes">AllowedNodeNames.</param>
    /// <param name="heartbeats">Lines of its configuration.</param>
    public static async Task<RealBlueChi> StartAsync(string program, IEnumerable<string> nodes, string heartbeats)
    {
        var blueChi = new RealBlueChi(program);
        try
        {
            await blueChi.BeginAsync(nodes, heartbeats);
            return blueChi;
        }
        catch
        {
            await blueChi.DisposeAsync();
            throw;
        }
    }

    /// <summary>Looks for the program where <see cref="Variable"/> points.</summary>
    /// <returns>The program, or null and why a test cannot have it.</returns>
    public static (string? Program, string Obstacle) Find()
    {
        if (ProcessLauncher.Find("dbus-daemon") is null)
        {
            return (null, "dbus-daemon is not installed");
        }

        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } prefix)
        {
            return (null, $"{Variable} is not set; it names the folder that BlueChi is installed to");
        }

        return (new[] { "usr/libexec", "libexec" }.Select(directory => Path.Combine(prefix, directory, "bluechi-controller")).FirstOrDefault(File.Exists),
            $"there is no bluechi-controller below {Variable}={prefix}");
    }

    /// <summary>What it says of itself: <c>bluechi-controller 1.3.0</c>, or the like.</summary>
    public async Task<string> GetVersionAsync()
    {
        using var process = Process.Start(new ProcessStartInfo(_program, ["-v"]) { RedirectStandardOutput = true })!;
        return (await process.StandardOutput.ReadToEndAsync(Ct)).Trim();
    }

    /// <summary>Ends it, with a goodbye (SIGTERM) or without (SIGKILL).</summary>
    public async Task StopAsync(bool clean)
    {
        if (!clean)
        {
            await _controller!.KillAsync();
        }

        await _controller!.DisposeAsync();
    }

    /// <summary>Starts it again, at the same address.</summary>
    public Task StartAgainAsync() => StartControllerAsync();

    /// <summary>Kills it and starts another.</summary>
    public async Task RestartAsync()
    {
        await StopAsync(clean: false);
        await StartAgainAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_controller is not null)
        {
            await _controller.DisposeAsync();
        }

        if (_bus is not null)
        {
            await _bus.DisposeAsync();
        }

        _launcher.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task BeginAsync(IEnumerable<string> nodes, string heartbeats)
    {
        _bus = await PrivateBus.StartAsync(_launcher, _directory, _directory, TimeProvider.System, Ct);
        var port = FreePort();
        Address = string.Create(CultureInfo.InvariantCulture, $"tcp:host=127.0.0.1,port={port}");

        // A line of the file ends at 500 characters; what follows indented goes on.
        await File.WriteAllTextAsync(Path.Combine(_directory, "controller.conf"), $"""
            [bluechi-controller]
            UseUDS=false
            ControllerPort={port.ToString(CultureInfo.InvariantCulture)}
            LogTarget=stderr
            {heartbeats}
            AllowedNodeNames={string.Join(",\n  ", nodes)}

            """, Ct);
        await StartControllerAsync();
    }

    private async Task StartControllerAsync()
    {
        _controller = await ChildProcess.StartAsync(_launcher, "bluechi-controller",
            [.. InItsPlace(), "env", $"DBUS_SYSTEM_BUS_ADDRESS={BusAddress}", _program, "-c", Path.Combine(_directory, "controller.conf")], _directory);
        await using var bus = await BusConnection.ConnectAsync(BusAddress, Deadline, TimeProvider.System, Ct);
        var owned = new TaskCompletionSource();
        await using var watch = await bus.ListenAsync(new("org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged", FirstArgument: BlueChiNames.Bus), signal =>
        {
            if (signal.Body[2].AsText().Length > 0)
            {
                owned.TrySetResult();
            }
        }, ct: Ct);
        if (await bus.FindOwnerAsync(BlueChiNames.Bus, Ct) is null)
        {
            var ended = _controller.WaitAsync(Ct);
            if (await Task.WhenAny(owned.Task, ended).WaitAsync(Deadline, Ct) == ended)
            {
                Assert.Fail($"bluechi-controller ended with {_controller.ExitCode}: {_controller.LastWords}");
            }
        }
    }

    // It insists on the defaults in the place it was built for; one that lies elsewhere gets to see them there, and nobody else does.
    private string[] InItsPlace() => File.Exists(Defaults) ? [] :
    [
        "unshare", "--mount", .. Environment.IsPrivilegedProcess ? Array.Empty<string>() : ["--map-root-user"],
        "sh", "-c", "mount -t overlay overlay -o lowerdir=$0:/usr/share /usr/share && exec \"$@\"", Path.GetFullPath(Path.Combine(_program, "../../share")),
    ];

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.IPv6Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}

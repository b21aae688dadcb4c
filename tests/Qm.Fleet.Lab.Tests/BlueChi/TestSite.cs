using System.Collections.Immutable;
using System.Threading.Channels;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Processes;
using Xunit;

namespace Qm.Fleet.Lab.Tests.BlueChi;

/// <summary>An emulated BlueChi with one booted node on a private dbus-daemon, and a client that keeps every message in the order of the wire.</summary>
internal sealed class TestSite : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly string _directory;
    private readonly ProcessLauncher _launcher;
    private readonly PrivateBus _bus;
    private readonly BusConnection _client;
    private readonly Channel<string> _wire = Channel.CreateUnbounded<string>();
    private readonly Channel<string> _chatter = Channel.CreateUnbounded<string>();

    private TestSite(string directory, ProcessLauncher launcher, PrivateBus bus, EmulatedBlueChi blueChi, EmulatedNode node, BusConnection client) =>
        (_directory, _launcher, _bus, BlueChi, Node, _client) = (directory, launcher, bus, blueChi, node, client);

    public EmulatedBlueChi BlueChi { get; }

    public EmulatedNode Node { get; }

    public static async Task<TestSite> StartAsync(Heartbeats? heartbeats = null)
    {
        Assert.SkipWhen(ProcessLauncher.Find("dbus-daemon") is null, "dbus-daemon is not installed");
        var cancellation = TestContext.Current.CancellationToken;
        var directory = Directory.CreateTempSubdirectory("qmfleet-lab-test-").FullName;
        var launcher = new ProcessLauncher();
        var bus = await PrivateBus.StartAsync(launcher, directory, directory, TimeProvider.System, cancellation);
        var blueChi = await EmulatedBlueChi.StartAsync(bus.Address, ["ecu1", "qm.ecu1", "absent"], TimeProvider.System, cancellation, heartbeats);
        var node = new EmulatedNode("ecu1", Path.Combine(directory, "ecu1"), blueChi, NodeTimings.Fast, TimeProvider.System);
        var site = new TestSite(directory, launcher, bus, blueChi, node, await BusConnection.ConnectAsync(bus.Address, Deadline, TimeProvider.System, cancellation));
        await site._client.ListenAsync(new BusMatch(Interface: "org.freedesktop.DBus.Properties"), site.Record, ct: cancellation);
        foreach (var name in new[] { "Controller", "Monitor" })
        {
            await site._client.ListenAsync(new BusMatch(Interface: $"org.eclipse.bluechi.{name}"), site.Record, ct: cancellation);
        }

        await node.BootAsync(cancellation);
        // On a busy machine QM's agent may be there before the host's.
        const string HostOnline = "Status node/ecu1 online";
        if (!(await site.SeenAsync("Status node/qm_2eecu1 online")).Contains(HostOnline))
        {
            await site.SeenAsync(HostOnline);
        }

        return site;
    }

    public Task<ImmutableArray<BusValue>> NodeAsync(string member, params ImmutableArray<BusValue> body) => CallAsync("node/ecu1", "Node", member, body);

    public Task<ImmutableArray<BusValue>> QmAsync(string member, params ImmutableArray<BusValue> body) => CallAsync("node/qm_2eecu1", "Node", member, body);

    public Task<ImmutableArray<BusValue>> ControllerAsync(string member, params ImmutableArray<BusValue> body) => CallAsync("", "Controller", member, body);

    /// <summary>Calls a method; its reply is written down among the signals.</summary>
    public Task<ImmutableArray<BusValue>> CallAsync(string path, string name, string member, ImmutableArray<BusValue> body) =>
        _client.CallAsync(BlueChiNames.Bus, $"{BlueChiNames.Root}/{path}".TrimEnd('/'), name.Contains('.', StringComparison.Ordinal) ? name : $"org.eclipse.bluechi.{name}", member, body, Deadline,
            _ => _wire.Writer.TryWrite($"reply {member}"), TestContext.Current.CancellationToken);

    public async Task<string> PropertyAsync(string path, string name, string property) =>
        (await CallAsync(path, "org.freedesktop.DBus.Properties", "Get", [$"org.eclipse.bluechi.{name}", property]))[0].AsInner().AsText();

    /// <summary>The error a call is answered with, as name and text.</summary>
    public static async Task<(string Name, string Text)> ErrorOfAsync(Task call)
    {
        var error = await Assert.ThrowsAsync<BusErrorException>(() => call);
        return (error.Name, error.Message);
    }

    /// <summary>A monitor of units of a node.</summary>
    public async Task<string> MonitorAsync(string node, params string[] units)
    {
        var path = (await ControllerAsync("CreateMonitor"))[0].AsText()[(BlueChiNames.Root.Length + 1)..];
        await CallAsync(path, "Monitor", "SubscribeList", [node, BusValue.Strings(units)]);
        return path;
    }

    /// <summary>Reads the wire up to the line that is awaited and answers all lines before it and itself.</summary>
    public async Task<IReadOnlyList<string>> SeenAsync(string line)
    {
        var seen = new List<string>();
        using var late = new CancellationTokenSource(Deadline, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, TestContext.Current.CancellationToken);
        try
        {
            do
            {
                seen.Add(await _wire.Reader.ReadAsync(either.Token));
            }
            while (seen[^1] != line);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"'{line}' never came; seen: {string.Join(" | ", seen)}");
        }

        return seen;
    }

    /// <summary>Waits until no job of systemd is at work on a unit of QM: a further one would fold into it.</summary>
    public async Task QmIdleAsync(string unit)
    {
        using var late = new CancellationTokenSource(Deadline, TimeProvider.System);
        while ((await QmAsync("GetUnitProperty", unit, "org.freedesktop.systemd1.Unit", "Job"))[0].AsInner() is not BusValue.Struct { Fields: [BusValue.UInt32 { Value: 0 }, ..] })
        {
            Assert.False(late.IsCancellationRequested, $"a job of {unit} does not end");
        }
    }

    /// <summary>Waits for signals that <see cref="SeenAsync"/> leaves out: property changes of units.</summary>
    public async Task ChatterAsync(int signals)
    {
        using var late = new CancellationTokenSource(Deadline, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, TestContext.Current.CancellationToken);
        while (signals-- > 0)
        {
            await _chatter.Reader.ReadAsync(either.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Node.PowerOff();
        await _client.DisposeAsync();
        await BlueChi.DisposeAsync();
        await _bus.DisposeAsync();
        _launcher.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    // UnitPropertiesChanged is left out: it is long, and its own test reads it.
    private void Record(BusSignal signal)
    {
        var path = signal.Path.Length > BlueChiNames.Root.Length ? signal.Path[(BlueChiNames.Root.Length + 1)..] : "controller";
        var line = signal.Member switch
        {
            "PropertiesChanged" => string.Join(' ', signal.Body[1].AsEntries().Select(entry => $"{entry.Key.AsText()} {path} {entry.Value.AsText()}")),
            "UnitPropertiesChanged" => "",
            _ => $"{signal.Member} {string.Join(' ', signal.Body.Select(Word))}",
        };
        if (line.Length == 0)
        {
            _chatter.Writer.TryWrite(signal.Member);
        }
        else
        {
            _wire.Writer.TryWrite(line);
        }
    }

    private static string Word(BusValue value) => value is BusValue.UInt32 number ? $"{number.Value}" : value.AsText().Replace(BlueChiNames.Root + "/", "", StringComparison.Ordinal);
}

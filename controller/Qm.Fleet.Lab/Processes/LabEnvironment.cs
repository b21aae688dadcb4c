using System.Globalization;
using System.Net.Sockets;
using Grpc.Net.Client;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Agents;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Control;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Peers;

namespace Qm.Fleet.Lab.Processes;

/// <summary>
/// A running lab: private bus, emulated BlueChi and nodes in this process, or the nodes alone with a real BlueChi; the real controller and the real
/// agent extensions as processes of their own. End-to-end tests begin with this, break it through <see cref="Faults"/>, and read the API on <see cref="Channel"/>.
/// </summary>
internal sealed class LabEnvironment : IAsyncDisposable
{
    private const int MostPorts = 5;
    private static readonly TimeSpan LeastHeartbeatInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(30);
    private readonly LabOptions _options;
    private readonly TimeProvider _time;
    private readonly ProcessLauncher _launcher = new();
    private readonly Stack<IAsyncDisposable> _parts = new();
    private readonly AgentExtensions _extensions;
    private LabPort? _port;
    private IAgentLinks _links = null!;

    private LabEnvironment(LabOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        Directory = LabDirectory.Create(options.Keep);
        _extensions = new AgentExtensions(_launcher, options, Directory, () => Port);
        Channel = GrpcChannel.ForAddress("http://qmfleet", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { ConnectCallback = (_, cancellation) => ConnectAsync(Directory.Socket, cancellation) },
            DisposeHttpClient = true,
        });
    }

    /// <summary>Everything the lab writes.</summary>
    public LabDirectory Directory { get; }

    /// <summary>The private bus's address.</summary>
    public string BusAddress { get; private set; } = "";

    /// <summary>The emulated BlueChi, with faults and counters.</summary>
    /// <exception cref="InvalidOperationException">The nodes are with a real one.</exception>
    public EmulatedBlueChi BlueChi => _links as EmulatedBlueChi ?? throw new InvalidOperationException("The nodes of this lab are with a real bluechi-controller.");

    /// <summary>Whether the nodes are with a real bluechi-controller.</summary>
    public bool HasRealBlueChi => _options.BlueChi is not null;

    /// <summary>Calls that change something on nodes, counted by the emulated BlueChi or, with a real one, by the agents.</summary>
    public CallCounters Counters => _links.Counters;

    /// <summary>The emulated nodes, in the order of their numbers.</summary>
    public IReadOnlyList<EmulatedNode> Nodes { get; private set; } = [];

    /// <summary>What goes wrong on purpose, a call for each; <c>qmfleet lab</c> comes to the same.</summary>
    public FaultInjector Faults { get; private set; } = null!;

    /// <summary>The controller's process.</summary>
    public ChildProcess Controller { get; private set; } = null!;

    /// <summary>The agents' processes: one a node, or one for all; in the order they came up in.</summary>
    public IReadOnlyList<ChildProcess> Agents => _extensions.Processes;

    /// <summary>The agent process of a node; null when it has none of its own, or none that runs.</summary>
    public ChildProcess? AgentOf(EmulatedNode node) => _extensions.Of(node);

    /// <summary>The controller's address for agents and remote clients.</summary>
    public string Endpoint => string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{Port}");

    /// <summary>The controller's address for local clients, as <c>--server</c> takes it.</summary>
    public string Server => $"unix:{Directory.Socket}";

    /// <summary>The API, over the Unix socket.</summary>
    public GrpcChannel Channel { get; }

    /// <summary>Starts a lab.</summary>
    /// <param name="options">What it consists of.</param>
    /// <param name="started">Told of each part: its name, what was started, and how long it took.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Gives up and removes what was started.</param>
    /// <exception cref="LabException">A part is missing or does not start.</exception>
    public static async Task<LabEnvironment> StartAsync(LabOptions options, Action<string, string, TimeSpan> started, TimeProvider time, CancellationToken cancellation)
    {
        var lab = new LabEnvironment(options, time);
        try
        {
            await lab.StepAsync("bus", lab.StartBusAsync, started, cancellation).ConfigureAwait(false);
            await lab.StepAsync("bluechi", lab.StartNodesAsync, started, cancellation).ConfigureAwait(false);
            await lab.StepAsync("controller", lab.StartControllerAsync, started, cancellation).ConfigureAwait(false);
            await lab.StepAsync("agents", lab.StartAgentsAsync, started, cancellation).ConfigureAwait(false);
            return lab;
        }
        catch
        {
            await lab.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Starts the controller; also again, after it was killed, over the same state.</summary>
    /// <exception cref="LabException">It was not built, or does not become ready.</exception>
    public async Task<string> StartControllerAsync(CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var isChosen = _port is not null;
            _port ??= LabPort.Claim();
            Controller = await ChildProcess.StartAsync(_launcher, "controller",
                [.. Programs.Controller, "run", "--state", Directory.ControllerState, "--bus", BusAddress, "--listen", $"127.0.0.1:{Port}", "--socket", Directory.Socket, "--metrics", "off",
                 .. _options.AgentProcessEach ? ["--usage-interval", "1000"] : Array.Empty<string>(),
                 .. _options.LinkConfirmWithin is { } within ? ["--link-confirm-within", within.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)] : Array.Empty<string>(),
                 .. _options.ControllerArguments],
                Directory.Logs, awaitedPrefix: "ready ").ConfigureAwait(false);
            _parts.Push(Controller);
            try
            {
                await Controller.LineAsync(StartDeadline, _time, cancellation).ConfigureAwait(false);
                return Endpoint;
            }
            catch (LabException e) when (!isChosen && attempt < MostPorts && e.Message.Contains("address already in use", StringComparison.OrdinalIgnoreCase))
            {
                // Another program saw the same free port and was faster.
                _port.Dispose();
                _port = null;
            }
        }
    }

    /// <summary>Runs <c>qmfleet</c> against this lab and answers its exit code and output.</summary>
    /// <exception cref="LabException">It was not built.</exception>
    public async Task<(int ExitCode, string Output)> RunCliAsync(IEnumerable<string> arguments, CancellationToken cancellation)
    {
        using var process = await _launcher.StartAsync(Programs.Cli, [.. arguments, "--server", Server]).ConfigureAwait(false);
        process.StandardInput.Close();
        try
        {
            var (output, error) = (process.StandardOutput.ReadToEndAsync(cancellation), process.StandardError.ReadToEndAsync(cancellation));
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
            return (process.ExitCode, await output.ConfigureAwait(false) + await error.ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }

    /// <summary>Starts the agent process of a node, or of all; also again, after it was killed.</summary>
    /// <exception cref="LabException">It was not built, or cannot be started.</exception>
    public Task StartAgentAsync(string name, IEnumerable<EmulatedNode> nodes) => _extensions.StartAsync(name, nodes);

    /// <summary>Reboots a node, and its agent's process with it where that has one of its own.</summary>
    /// <exception cref="LabException">The agent cannot be started again.</exception>
    public async Task RebootAsync(EmulatedNode node, CancellationToken cancellation)
    {
        var agent = AgentOf(node);
        if (agent is not null)
        {
            await agent.KillAsync().ConfigureAwait(false);
        }

        await node.RebootAsync(cancellation).ConfigureAwait(false);
        if (agent is not null)
        {
            await StartAgentAsync(agent.Name, [node]).ConfigureAwait(false);
        }
    }

    /// <summary>Ends every process and removes every file, unless the directory is kept.</summary>
    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        foreach (var node in Nodes)
        {
            node.PowerOff();
        }

        // Agents before the controller, the bus last; those of one kind at once.
        while (_parts.TryPop(out var part))
        {
            var alike = new List<IAsyncDisposable> { part };
            while (_parts.TryPeek(out var next) && next.GetType() == part.GetType())
            {
                alike.Add(_parts.Pop());
            }

            await Task.WhenAll(alike.Select(each => each.DisposeAsync().AsTask())).ConfigureAwait(false);
        }

        _launcher.Dispose();
        _port?.Dispose();
        Directory.Dispose();
    }

    // 0 until the controller was started for the first time.
    private int Port => _port?.Number ?? 0;

    private async Task<string> StartBusAsync(CancellationToken cancellation)
    {
        if (_options.BlueChi is { } real)
        {
            BusAddress = real.BusAddress;
            return "that of the real bluechi-controller";
        }

        var bus = await PrivateBus.StartAsync(_launcher, Directory.Root, Directory.Logs, _time, cancellation).ConfigureAwait(false);
        _parts.Push(bus);
        BusAddress = bus.Address;
        await File.WriteAllTextAsync(Directory.BusAddressFile, BusAddress, cancellation).ConfigureAwait(false);
        return "private dbus-daemon";
    }

    private async Task<string> StartNodesAsync(CancellationToken cancellation)
    {
        var text = await (_options.BlueChi is { } real ? UseBlueChiAsync(real, cancellation) : EmulateBlueChiAsync(cancellation)).ConfigureAwait(false);
        Nodes = [.. _options.NodeNames.Select(name => new EmulatedNode(name, Path.Combine(Directory.Nodes, name), _links, _options.Timings, _time))];
        await Task.WhenAll(Nodes.Select(node => node.BootAsync(cancellation))).ConfigureAwait(false);
        Faults = new FaultInjector(_links, Nodes, RebootAsync, _time, _extensions);
        _parts.Push(Faults);
        _parts.Push(EmulatedUsage.Start(Nodes, _time));
        _parts.Push(NodePrograms.Start(Nodes, Directory.ProgramsSocket, Programs.Lab, _time));
        _parts.Push(await LabServer.StartAsync(Directory.LabSocket, Faults, cancellation).ConfigureAwait(false));
        return text;
    }

    private async Task<string> EmulateBlueChiAsync(CancellationToken cancellation)
    {
        try
        {
            var emulated = await EmulatedBlueChi.StartAsync(BusAddress, _options.BlueChiNodeNames, _time, cancellation, _options.Heartbeats).ConfigureAwait(false);
            _parts.Push(emulated);
            _links = emulated;
            return $"emulated, {_options.BlueChiNodeNames.Count} node names allowed";
        }
        catch (BusException e)
        {
            throw new LabException($"The emulated BlueChi cannot use the private bus: {e.Message}", e);
        }
    }

    private async Task<string> UseBlueChiAsync(RealController real, CancellationToken cancellation)
    {
        var pid = await real.CheckAsync(_options.BlueChiNodeNames, _time, cancellation).ConfigureAwait(false);
        var interval = _options.Timings.AgentRetry > LeastHeartbeatInterval ? _options.Timings.AgentRetry : LeastHeartbeatInterval;
        var peers = new PeerBlueChi(new PeerOptions(real.Address, interval), _time);
        _parts.Push(peers);
        _links = peers;
        return $"real, process {pid}";
    }

    private async Task<string> StartAgentsAsync(CancellationToken cancellation)
    {
        if (_options.Join == LabJoin.Nothing || _options.JoinsByToken)
        {
            await new LabEnrollment(Directory, Channel).PrepareAsync(Nodes, _options.JoinsByToken, cancellation).ConfigureAwait(false);
        }
        else
        {
            await BringCertificatesAsync(cancellation).ConfigureAwait(false);
        }

        _parts.Push(_extensions);
        await _extensions.StartAllAsync(Nodes).ConfigureAwait(false);
        if (_options.Join == LabJoin.Nothing)
        {
            return "they have not joined";
        }

        await ConnectedAsync(cancellation).ConfigureAwait(false);
        return $"{Nodes.Count} of {Nodes.Count} enrolled";
    }

    private async Task BringCertificatesAsync(CancellationToken cancellation)
    {
        var issued = Path.Combine(Directory.Root, "issued");
        var issue = await ChildProcess.StartAsync(_launcher, "node-certificate",
            [.. Programs.Controller, "node-certificate", .. _options.NodeNames, "--state", Directory.ControllerState, "--out", issued], Directory.Logs).ConfigureAwait(false);
        await using (issue.ConfigureAwait(false))
        {
            if (await issue.WaitAsync(cancellation).ConfigureAwait(false) != 0)
            {
                throw new LabException($"The controller did not issue certificates for the nodes; see {Directory.Logs}/node-certificate.log");
            }
        }

        foreach (var node in Nodes)
        {
            var pki = Path.Combine(node.Root, "etc/qm-fleet/pki");
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(pki)!);
            System.IO.Directory.Move(Path.Combine(issued, node.Name), pki);
        }
    }

    private async Task ConnectedAsync(CancellationToken cancellation)
    {
        var deadline = StartDeadline + TimeSpan.FromMilliseconds(50 * _options.Nodes);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var connected = new NodeWatch(Channel).UntilAllAsync(Nodes.Count, NodeWatch.HasExtension, null, deadline, "every agent extension is connected", _time, over.Token);
        var first = await Task.WhenAny([connected, .. Agents.Select(agent => agent.WaitAsync(over.Token))]).ConfigureAwait(false);
        await (first == connected ? connected : Task.CompletedTask).ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        if (first != connected)
        {
            var ended = Agents.First(agent => agent.HasExited);
            throw new LabException($"{ended.Name} ended with {ended.ExitCode}: {ended.LastWords}");
        }
    }

    private async Task StepAsync(string name, Func<CancellationToken, Task<string>> step, Action<string, string, TimeSpan> started, CancellationToken cancellation)
    {
        var begun = _time.GetTimestamp();
        var text = await step(cancellation).ConfigureAwait(false);
        started(name, text, _time.GetElapsedTime(begun));
    }

    private static async ValueTask<Stream> ConnectAsync(string socket, CancellationToken cancellation)
    {
        var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation).ConfigureAwait(false);
            return new NetworkStream(connection, ownsSocket: true);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}

using System.Net.Sockets;
using System.Text;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// <c>systemctl</c> and <c>systemd-run</c> of the emulated nodes, for agent extensions in processes of their own: scripts that hand what they are asked
/// for to the lab, which has the emulated systemd do it. And <c>podman</c>, which is asked by every probe, and answers alone.
/// </summary>
internal sealed class NodePrograms : IAsyncDisposable
{
    private const int MessageBytesMax = 4096;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);
    private static readonly string[] Names = ["systemctl", "systemd-run"];

    private readonly IReadOnlyDictionary<string, EmulatedNode> _nodes;
    private readonly TimeProvider _time;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _serving;

    private NodePrograms(IReadOnlyDictionary<string, EmulatedNode> nodes, string socket, TimeProvider time)
    {
        (_nodes, _time) = (nodes, time);
        _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(socket));
        _listener.Listen();
        _serving = ServeAsync(_ending.Token);
    }

    /// <summary>Where a node's programs lie.</summary>
    /// <param name="root">The node's root.</param>
    public static string DirectoryOf(string root) => Path.Combine(root, ".lab/bin");

    /// <summary>Where a node's podman looks which probes fail.</summary>
    /// <param name="root">The node's root.</param>
    public static string FailingProbesOf(string root) => Path.Combine(root, ".lab/failing-probes");

    /// <summary>Writes the programs of all nodes and begins to serve them.</summary>
    /// <param name="nodes">The nodes.</param>
    /// <param name="socket">A path that is free, in a directory of the lab's own.</param>
    /// <param name="lab">The lab's own command line.</param>
    /// <param name="time">Times requests.</param>
    public static NodePrograms Start(IReadOnlyList<EmulatedNode> nodes, string socket, IEnumerable<string> lab, TimeProvider time)
    {
        var command = string.Join(' ', lab.Select(word => $"'{word}'"));
        foreach (var node in nodes)
        {
            var directory = Directory.CreateDirectory(DirectoryOf(node.Root)).FullName;
            foreach (var name in Names)
            {
                Write(Path.Combine(directory, name), $"exec {command} node-program --socket '{socket}' --node '{node.Name}' -- {name} \"$@\"\n");
            }

            Write(Path.Combine(directory, "podman"), Podman(FailingProbesOf(node.Root)));
        }

        return new(nodes.ToDictionary(node => node.Name), socket, time);
    }

    /// <summary>Asks a running lab, as the programs do.</summary>
    /// <returns>What systemd says against it; empty when it was done.</returns>
    public static async Task<string> AskAsync(string socket, string node, IEnumerable<string> command, CancellationToken cancellation)
    {
        using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation).ConfigureAwait(false);
        await connection.SendAsync(Encoding.UTF8.GetBytes($"{node} {string.Join(' ', command)}"), cancellation).ConfigureAwait(false);
        connection.Shutdown(SocketShutdown.Send);
        return await ReadAsync(connection, cancellation).ConfigureAwait(false);
    }

    // podman exec MARK qm podman exec MARK CONTAINER COMMAND; 125 is what podman itself ends with when it can do nothing.
    private static string Podman(string failing) => $"""
        case "$1 $3 $4 $5" in
        'exec qm podman exec') ;;
        *) echo "podman $*: nothing that an emulated node can do" >&2; exit 125 ;;
        esac
        if [ -e '{failing}'/"$7" ]; then echo "$8: fails, as the lab was asked for" >&2; exit 1; fi

        """;

    private static void Write(string program, string script)
    {
        File.WriteAllText(program, $"#!/bin/sh\n{script}");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _serving.ConfigureAwait(false);
        _ending.Dispose();
    }

    // One at a time: each is answered within the deadline, and nodes ask seldom.
    private async Task ServeAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                using var connection = await _listener.AcceptAsync(cancellation).ConfigureAwait(false);
                await AnswerAsync(connection, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException && cancellation.IsCancellationRequested)
        {
            // The lab ends.
        }
    }

    private async Task AnswerAsync(Socket connection, CancellationToken cancellation)
    {
        using var deadline = new CancellationTokenSource(Deadline, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        try
        {
            var request = await ReadAsync(connection, either.Token).ConfigureAwait(false);
            var answer = await RunAsync(request.Split(' '), either.Token).ConfigureAwait(false);
            await connection.SendAsync(Encoding.UTF8.GetBytes(answer), either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            // Who asked is gone or has not finished its question; the next one is waiting.
        }
    }

    // To the end, or to the most that is taken.
    private static async Task<string> ReadAsync(Socket connection, CancellationToken cancellation)
    {
        var buffer = new byte[MessageBytesMax];
        var length = 0;
        while (length < buffer.Length && await connection.ReceiveAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false) is > 0 and var count)
        {
            length += count;
        }

        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    private async Task<string> RunAsync(string[] request, CancellationToken cancellation)
    {
        var node = _nodes.GetValueOrDefault(request[0]);
        var (systemd, unit) = request[1..] switch
        {
            ["systemctl", "restart", var asked] => (node?.Host, asked),
            ["systemd-run", .., "podman", "exec", "qm", "systemctl", "restart", var asked] => (node?.Qm?.Systemd, asked),
            _ => (null, ""),
        };
        try
        {
            return systemd is null ? $"{string.Join(' ', request)}: nothing that an emulated node can do"
                : await systemd.RunAsync(JobType.Restart, unit, cancellation).ConfigureAwait(false) is var result and not "done" ? $"Job for {unit} failed: {result}."
                : "";
        }
        catch (SystemdRefusal e)
        {
            return e.Message;
        }
    }
}

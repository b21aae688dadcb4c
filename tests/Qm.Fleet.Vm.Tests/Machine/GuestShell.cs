using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests.Machine;

/// <summary>Runs scripts in the guest as root, one after another, over a virtio port: the guest's network and units may fail without it.</summary>
internal sealed class GuestShell : NodeShell, IAsyncDisposable
{
    // A machine without hardware acceleration takes a tenth of the speed; what a script waits for has its own, shorter deadline.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(12);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly NetworkStream _stream;
    private readonly StreamReader _reader;

    private GuestShell(NetworkStream stream) => (_stream, _reader) = (stream, new(stream, Encoding.ASCII));

    /// <summary>Takes the machine's port in and waits until the guest listens at its end.</summary>
    /// <param name="port">Where the machine connects its port to.</param>
    /// <param name="ct">Ends the wait.</param>
    internal static async Task<GuestShell> AcceptAsync(Socket port, CancellationToken ct)
    {
        var client = await port.AcceptAsync(ct);
        var shell = new GuestShell(new(client, ownsSocket: true));
        while (await shell._reader.ReadLineAsync(ct) is { } line)
        {
            if (line == "ready")
            {
                return shell;
            }
        }

        throw new IOException("the machine closed its port before its shell was ready");
    }

    /// <inheritdoc/>
    internal override async Task<ShellResult> TryAsync(string script, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Longest);
        await _turn.WaitAsync(limit.Token);
        try
        {
            await _stream.WriteAsync(Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(script)) + "\n"), limit.Token);
            var answer = await _reader.ReadLineAsync(limit.Token) ?? throw new IOException($"the machine closed its port; the script was: {script}");
            var (status, output) = answer.Split(' ', 2) is [var left, var right] ? (left, right) : (answer, "");
            return new(int.Parse(status, CultureInfo.InvariantCulture), Encoding.UTF8.GetString(Convert.FromBase64String(output)).TrimEnd('\n'));
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _reader.Dispose();
        await _stream.DisposeAsync();
        _turn.Dispose();
    }
}

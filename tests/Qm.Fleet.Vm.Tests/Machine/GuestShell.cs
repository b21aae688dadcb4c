using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Qm.Fleet.Vm.Tests.Machine;

/// <summary>How a script in the guest ended.</summary>
/// <param name="Status">Its exit status.</param>
/// <param name="Output">What it wrote, both streams, without the last newline.</param>
internal sealed record ShellResult(int Status, string Output);

/// <summary>Runs scripts in the guest as root, one after another, over a virtio port: the guest's network and units may fail without it.</summary>
internal sealed class GuestShell : IAsyncDisposable
{
    // A machine without hardware acceleration takes a tenth of the speed; what a script waits for has its own, shorter deadline.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(6);

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

    /// <summary>Runs a script; it must end with 0.</summary>
    /// <returns>Its output.</returns>
    internal async Task<string> RunAsync(string script, CancellationToken ct)
    {
        var result = await TryAsync(script, ct);
        return result.Status == 0 ? result.Output : throw new InvalidOperationException($"in the guest ended with {result.Status}: {script}\n{result.Output}");
    }

    /// <summary>Runs a script, however it ends.</summary>
    internal async Task<ShellResult> TryAsync(string script, CancellationToken ct)
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

    /// <summary>Waits in the guest until a condition of its shell holds.</summary>
    /// <param name="condition">Such as <c>test -e /run/x</c>.</param>
    /// <param name="seconds">The deadline.</param>
    /// <param name="ct">Ends the wait.</param>
    internal async Task UntilAsync(string condition, int seconds, CancellationToken ct)
    {
        var result = await TryAsync($"end=$(($(date +%s) + {seconds})); until {condition}; do test $(date +%s) -lt $end || exit 1; sleep 0.3; done", ct);
        Assert.True(result.Status == 0, $"not so within {seconds} s: {condition}\n{result.Output}");
    }

    public async ValueTask DisposeAsync()
    {
        _reader.Dispose();
        await _stream.DisposeAsync();
        _turn.Dispose();
    }
}

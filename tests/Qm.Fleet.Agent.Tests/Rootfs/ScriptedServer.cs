using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Qm.Fleet.Agent.Tests.Rootfs;

/// <summary>A server on loopback that says to each request what the test wants, true or not.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Queue<Func<Stream, CancellationToken, Task>> _script = new();
    private readonly TaskCompletionSource _refused = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _serving;

    public ScriptedServer()
    {
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Origin => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Bytes of contents without end that were sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Done when the client took no more of one.</summary>
    public Task Refused => _refused.Task;

    /// <summary>The requests that came, each with its headers.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>Answers the next request in the script's order with bytes as they are, then closes the connection.</summary>
    public ScriptedServer Answer(string head, params byte[][] content) => Then(async (stream, ct) =>
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n"), ct);
        foreach (var part in content)
        {
            await stream.WriteAsync(part, ct);
        }
    });

    /// <summary>Answers the next request and then says nothing more, but keeps the connection.</summary>
    public ScriptedServer AnswerAndStall(string head, params byte[] content) => Then(async (stream, ct) =>
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.Length == 0 ? "" : $"HTTP/1.1 {head}\r\n\r\n"), ct);
        await stream.WriteAsync(content, ct);
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
    });

    /// <summary>Answers the next request with chunks that never end.</summary>
    public ScriptedServer AnswerForEver() => AnswerForEver("200 OK\r\nTransfer-Encoding: chunked", [.. "10000\r\n"u8, .. new byte[0x10000], .. "\r\n"u8]);

    /// <summary>Answers the next request with a content that never ends, whatever the head says of it.</summary>
    public ScriptedServer AnswerForEver(string head, byte[] chunk) => Then(async (stream, ct) =>
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {head}\r\n\r\n"), ct);
        try
        {
            while (true)
            {
                await stream.WriteAsync(chunk, ct);
                Sent += chunk.Length;
            }
        }
        catch (IOException)
        {
            _refused.TrySetResult();
        }
    });

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Dispose();
        _stop.Dispose();
    }

    private ScriptedServer Then(Func<Stream, CancellationToken, Task> answer)
    {
        _script.Enqueue(answer);
        return this;
    }

    // A connection that stalls must not hold up the next one.
    private async Task ServeAsync()
    {
        var answers = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                Requests.Add(await ReadAsync(client.GetStream()));
                answers.Add(AnswerAsync(client, _script.Dequeue()));
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }

        await Task.WhenAll(answers);
    }

    private async Task AnswerAsync(TcpClient client, Func<Stream, CancellationToken, Task> answer)
    {
        using (client)
        {
            try
            {
                await answer(client.GetStream(), _stop.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The client gave up, which some answers are made for, or the test is over.
            }
        }
    }

    private async Task<string> ReadAsync(NetworkStream stream)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (!text.ToString().Contains("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(buffer, _stop.Token) is > 0 and var count)
        {
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }

        return text.ToString();
    }
}

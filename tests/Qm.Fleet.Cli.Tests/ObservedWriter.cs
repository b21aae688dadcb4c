using System.Text;
using Xunit;

namespace Qm.Fleet.Cli.Tests;

/// <summary>Collects text that a test can wait for.</summary>
internal sealed class ObservedWriter : TextWriter
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly StringBuilder _text = new();
    private readonly List<(string Text, TaskCompletionSource Seen)> _waiting = [];

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value) => Write(value.ToString());

    public override void Write(string? value)
    {
        lock (_text)
        {
            _text.Append(value);
            var all = _text.ToString();
            foreach (var (_, seen) in _waiting.Where(waiting => all.Contains(waiting.Text, StringComparison.Ordinal)))
            {
                seen.TrySetResult();
            }
        }
    }

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    public override void WriteLine(string? value) => Write(value + "\n");

    public override Task WriteLineAsync(string? value)
    {
        WriteLine(value);
        return Task.CompletedTask;
    }

    public override string ToString()
    {
        lock (_text)
        {
            return _text.ToString();
        }
    }

    /// <summary>Waits until the text was written; fails with what was written instead.</summary>
    public async Task SeeAsync(string text)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_text)
        {
            _waiting.Add((text, seen));
            Write("");
        }

        try
        {
            await seen.Task.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"\"{text}\" was not written, but: {this}");
        }
    }
}

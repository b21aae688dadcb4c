using System.Threading.Channels;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>Keeps what was told, as lines, for a case that waits for some of them.</summary>
internal sealed class SignalLog(CancellationToken limit)
{
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

    /// <summary>Writes a line; never waits.</summary>
    internal void Add(string line) => _lines.Writer.TryWrite(line);

    /// <summary>Reads on to a line, and answers all lines before it and itself; fails with what came instead.</summary>
    internal async Task<IReadOnlyList<string>> UntilAsync(string line)
    {
        var seen = new List<string>();
        try
        {
            do
            {
                seen.Add(await _lines.Reader.ReadAsync(limit));
            }
            while (seen[^1] != line);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"\"{line}\" was not told, but: {string.Join(" | ", seen.TakeLast(40))}");
        }

        return seen;
    }
}

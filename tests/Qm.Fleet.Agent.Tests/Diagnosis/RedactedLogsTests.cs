using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Diagnosis;

namespace Qm.Fleet.Agent.Tests.Diagnosis;

/// <summary>What looks like a secret stays out of the journal.</summary>
[Trait("Requirement", "QMF-SECRET-001")]
public sealed class RedactedLogsTests
{
    [Fact]
    public void Logs_WithASecretInTextOrException_HoldNeitherItNorForgedLines()
    {
        using var inner = new Captured();
        using var logs = new RedactedLogs(inner);
        var logger = logs.CreateLogger("test");

        logger.Log(LogLevel.Warning, 1, "PASSWORD=hunter2\nfail: forged \e[31m", new IOException("https://ann:hunter2@files.example refused"), static (said, _) => said);
        logger.Log(LogLevel.Information, 2, "token:ci was let in", null, static (said, _) => said);

        Assert.Equal(2, inner.Entries.Count);
        var first = inner.Entries.First();
        Assert.DoesNotContain("hunter2", first, StringComparison.Ordinal);
        Assert.DoesNotContain("\nfail: forged", first, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', first);
        Assert.Contains("IOException: https://[redacted]@files.example refused", first, StringComparison.Ordinal);
        Assert.Equal("token:ci was let in", inner.Entries.Last());
    }

    private sealed class Captured : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Entries { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Entries.Enqueue($"{formatter(state, exception)}{exception}");

        public void Dispose()
        {
        }
    }
}

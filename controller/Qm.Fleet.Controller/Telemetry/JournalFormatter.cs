using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Core.Limits;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.Core.Text;

namespace Qm.Fleet.Controller.Telemetry;

/// <summary>
/// The daemon's log on stderr: a line for each entry, whatever nodes and strangers put into it. Under systemd, a line begins with its priority as sd-daemon(3)
/// has it; else with a word for it.
/// </summary>
internal sealed class JournalFormatter(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    /// <summary>What the console logger knows it by.</summary>
    public const string FormatterName = "journal";

    /// <summary>Most characters of a line; a certificate's subject alone may be as long as a handshake.</summary>
    public const int LongestLine = 4096;

    /// <summary>Of one event of the framework, which has a line for each frame that a client gets wrong.</summary>
    public static readonly Pace Foreign = new(PerSecond: 0.5, Burst: 10);

    private readonly Paces<(string Category, int Event)> _paces = new(time);
    private readonly ConcurrentDictionary<(string Category, int Event), int> _leftOut = [];
    private readonly bool _isUnit = SystemdHelpers.IsSystemdService();

    /// <inheritdoc/>
    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var key = (logEntry.Category, logEntry.EventId.Id);
        if (logEntry.Category.StartsWith("Microsoft.", StringComparison.Ordinal) && !_paces.Take(key, Foreign, TimeSpan.Zero).IsGiven)
        {
            _leftOut.AddOrUpdate(key, 1, static (_, count) => count + 1);
            return;
        }
        var text = logEntry.Formatter(logEntry.State, logEntry.Exception);
        if (logEntry.Exception is { } exception)
        {
            text = $"{text} {exception.ToString().ReplaceLineEndings(" ")}";
        }
        if (_leftOut.TryRemove(key, out var leftOut))
        {
            text = string.Create(CultureInfo.InvariantCulture, $"{text} ({leftOut} more were left out)");
        }
        var (priority, word) = Level(logEntry.LogLevel);
        var head = _isUnit
            ? string.Create(CultureInfo.InvariantCulture, $"<{priority}>")
            : string.Create(CultureInfo.InvariantCulture, $"{word}: ");
        textWriter.Write(head);
        // Without secrets, cut so that one line is left of it, and then on that one line.
        textWriter.WriteLine(ShownText.Of(ForeignText.FitSentence($"{logEntry.Category}[{logEntry.EventId.Id.ToString(CultureInfo.InvariantCulture)}] {text}", 2 * LongestLine), LongestLine));
    }

    private static (int Priority, string Word) Level(LogLevel level) => level switch
    {
        LogLevel.Trace => (7, "trce"),
        LogLevel.Debug => (7, "dbug"),
        LogLevel.Information => (6, "info"),
        LogLevel.Warning => (4, "warn"),
        LogLevel.Error => (3, "fail"),
        _ => (2, "crit"),
    };
}

/// <summary>Puts the daemon's log in place.</summary>
internal static class JournalServices
{
    /// <summary>Logs to stderr.</summary>
    public static ILoggingBuilder AddJournal(this ILoggingBuilder logging)
    {
        logging.AddConsole(static console => console.LogToStandardErrorThreshold = LogLevel.Trace).AddConsoleFormatter<JournalFormatter, ConsoleFormatterOptions>();
        // After AddSystemd, which has a formatter of its own for units.
        logging.Services.PostConfigure<ConsoleLoggerOptions>(static console => console.FormatterName = JournalFormatter.FormatterName);
        return logging;
    }
}

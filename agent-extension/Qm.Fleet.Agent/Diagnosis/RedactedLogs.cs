using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>Logs to another provider what is left when secrets, and what forges lines, are taken out, so that no message has to think of it.</summary>
/// <param name="inner">Where it is logged.</param>
[ProviderAlias("Console")]
internal sealed class RedactedLogs(ILoggerProvider inner) : ILoggerProvider
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Logger(inner.CreateLogger(categoryName));

    /// <inheritdoc/>
    public void Dispose() => inner.Dispose();

    /// <summary>The most of one entry, in characters.</summary>
    private const int Most = 16 * 1024;

    private sealed class Logger(ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (inner.IsEnabled(logLevel))
            {
                // An exception says in its message what others said; only its own lines are lines.
                var said = formatter(state, exception).ReplaceLineEndings(" ");
                var text = ForeignText.FitSentence(exception is null ? said : $"{said}\n{exception}", Most);
                inner.Log(logLevel, eventId, text, null, static (text, _) => text);
            }
        }
    }
}

/// <summary>Registers it.</summary>
internal static class RedactedLogging
{
    /// <summary>Has the console that was registered before log without secrets.</summary>
    public static IServiceCollection RedactConsole(this IServiceCollection services)
    {
        services.Remove(services.Single(static service => service.ServiceType == typeof(ILoggerProvider) && service.ImplementationType == typeof(ConsoleLoggerProvider)));
        return services.AddSingleton<ILoggerProvider>(static provider => new RedactedLogs(ActivatorUtilities.CreateInstance<ConsoleLoggerProvider>(provider)));
    }
}

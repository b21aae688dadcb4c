using Spectre.Console;

namespace Qm.Fleet.Cli.Output;

/// <summary>How something is while it is waited for: one line that changes on a terminal, a line for each change in a pipe.</summary>
internal static class LiveLine
{
    /// <summary>Does the work, which tells what it is at.</summary>
    /// <param name="context">Whose standard error it is shown on.</param>
    /// <param name="title">What stands there before the work tells anything.</param>
    /// <param name="work">Takes what shows a line.</param>
    internal static Task<T> RunAsync<T>(CliContext context, string title, Func<Action<string>, Task<T>> work)
    {
        if (!context.ErrorIsTerminal)
        {
            return work(line => context.Error.WriteLine(line));
        }

        var settings = new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Error), Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes };
        if (context.Environment("NO_COLOR") is { Length: > 0 })
        {
            settings.ColorSystem = ColorSystemSupport.NoColors;
        }

        return AnsiConsole.Create(settings).Status().StartAsync(Markup.Escape(title), status => work(line => status.Status(Markup.Escape(line))));
    }
}

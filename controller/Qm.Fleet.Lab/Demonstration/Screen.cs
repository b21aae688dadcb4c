using System.Globalization;
using Qm.Fleet.V1;
using Spectre.Console;

namespace Qm.Fleet.Lab.Demonstration;

/// <summary>Shows the nodes while something is waited for: a live table on a terminal; in a pipe a line for each new step, and the table at the end.</summary>
internal abstract class Screen
{
    private const int MostRows = 30;

    /// <summary>The screen that fits where the output goes.</summary>
    public static Screen For(IAnsiConsole console) => console.Profile.Out.IsTerminal ? new Terminal(console) : new Pipe(console.Profile.Out.Writer);

    /// <summary>Waits for something and shows the nodes whenever it tells of them.</summary>
    public abstract Task ShowAsync(Func<Action<IReadOnlyCollection<Node>>, Task> wait);

    private static string More(int count) => count > MostRows ? string.Create(CultureInfo.InvariantCulture, $"  and {count - MostRows} more") : "";

    private sealed class Terminal(IAnsiConsole console) : Screen
    {
        public override Task ShowAsync(Func<Action<IReadOnlyCollection<Node>>, Task> wait) =>
            console.Live(Text.Empty).StartAsync(context => wait(nodes => context.UpdateTarget(Draw(nodes))));

        // The lines of the pipe, cut where the terminal ends: a table would break its cells instead.
        private Rows Draw(IReadOnlyCollection<Node> nodes) => new(NodeRow.Lines([NodeRow.Header, .. nodes.Take(MostRows).Select(NodeRow.Of)])
            .Append(More(nodes.Count)).Select(line => new Text(line.Length < console.Profile.Width ? line : line[..(console.Profile.Width - 1)])));
    }

    private sealed class Pipe(TextWriter output) : Screen
    {
        public override async Task ShowAsync(Func<Action<IReadOnlyCollection<Node>>, Task> wait)
        {
            var steps = new StepLines(output);
            IReadOnlyCollection<Node> last = [];
            try
            {
                await wait(nodes => steps.Show(last = nodes)).ConfigureAwait(false);
            }
            finally
            {
                await output.WriteLineAsync().ConfigureAwait(false);
                foreach (var line in NodeRow.Lines([NodeRow.Header, .. last.Take(MostRows).Select(NodeRow.Of)]))
                {
                    await output.WriteLineAsync(line).ConfigureAwait(false);
                }

                if (last.Count > MostRows)
                {
                    await output.WriteLineAsync(More(last.Count)).ConfigureAwait(false);
                }
            }
        }
    }
}

/// <summary>
/// Writes a line whenever a node takes up another step. What it waits for is shown once until it does something else: a unit that crashes again and again goes
/// through all of systemd's states each time, and waits for the same.
/// </summary>
internal sealed class StepLines(TextWriter output)
{
    private const string Wait = "WaitFor";

    private readonly Dictionary<string, (string Last, HashSet<string> Waits)> _shown = [];

    /// <summary>Shows what is new.</summary>
    public void Show(IEnumerable<Node> nodes)
    {
        foreach (var node in nodes)
        {
            var step = node.Status?.Step is { } now ? $"{now.Name,-17}{now.Message}".TrimEnd() : "unknown";
            var (last, waits) = _shown.GetValueOrDefault(node.Metadata.Name, ("", []));
            var name = step.Split(' ', 2)[0];
            var isWait = name.StartsWith(Wait, StringComparison.Ordinal);
            if (step == last || (isWait && !waits.Add(name)))
            {
                continue;
            }

            if (!isWait)
            {
                waits.Clear();
            }

            _shown[node.Metadata.Name] = (step, waits);
            output.WriteLine($"  {node.Metadata.Name,-6}{step}");
        }
    }
}

using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Spectre.Console;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>top: what QM and its containers use now, and what they used before.</summary>
internal static class TopVerb
{
    private const string Workload = "workload";
    private static readonly string[] Formats = ["table", "json"];
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(2), LongestInterval = TimeSpan.FromHours(1);

    // A controller that restarts is back well before.
    private const int MaxAttempts = 30;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var (resource, name) = (
            new Argument<string>("KIND") { Description = "nodes, node, fleet or workload; KIND/NAME works, too", DefaultValueFactory = _ => "nodes" },
            new Argument<string?>("NAME") { Description = "Which one", Arity = ArgumentArity.ZeroOrOne });
        var selector = new Option<string>("--selector", "-l") { Description = "Only nodes with these labels, such as zone=cockpit", HelpName = "labels", DefaultValueFactory = _ => "" };
        var containers = new Option<bool>("--containers") { Description = "Containers inside QM, too; always so for one node" };
        var order = new Option<string>("--sort-by") { Description = "The greatest first", DefaultValueFactory = _ => TopRows.Orders[0] };
        order.AcceptOnlyFromAmong(TopRows.Orders);
        var interval = new Option<string?>("--interval") { Description = "Again after so long, 1s to 1h, until Ctrl-C [default on a terminal: 2s; in a pipe: once]", HelpName = "time" };
        var once = new Option<bool>("--once") { Description = "Once, on a terminal, too" };
        var history = new Option<string?>("--history") { Description = "What one node used in the last so long, such as 10m, at most 24h", HelpName = "time" };
        var output = new Option<string>("--output", "-o") { Description = "How to show it", DefaultValueFactory = _ => Formats[0] };
        output.AcceptOnlyFromAmong(Formats);
        var command = new Command("top", """
            Shows what QM and the containers inside it use, as last heard of every node: CPUs in use, memory and its
            limit, for how much of the last ten seconds something waited for memory, CPU or I/O, bytes read and written
            a second, processes and threads, and what limits and the ASIL reserve leave free of the node's memory.
            A node that is not heard is unknown since then, whatever it used before. AGE is how old the figures are;
            how often nodes tell them is the controller's --usage-interval.

            Examples:
              qmfleet top
              qmfleet top nodes -l zone=cockpit --sort-by memory
              qmfleet top node ecu1
              qmfleet top fleet cockpit --containers --once
              qmfleet top workload radio --interval 5s
              qmfleet top node ecu1 --history 10m
            """) { resource, name, selector, containers, order, interval, once, history, output };
        command.SetAction(async (parsed, ct) =>
        {
            var request = Request(parsed.GetValue(resource)!, parsed.GetValue(name));
            (request.Selector, request.Containers) = (parsed.GetValue(selector)!, request.Node.Length > 0 || parsed.GetValue(containers));
            var show = new Show(context, parsed.GetValue(order)!, parsed.GetValue(output) == "json");
            using var connection = global.Connect(parsed, context);
            if (parsed.GetValue(history) is { } back)
            {
                return await HistoryAsync(connection, context, request, Durations.Parse("--history", back), show.IsJson, ct);
            }

            if (!parsed.GetValue(once) && (parsed.GetValue(interval) is not null || (context.OutWidth is not null && !show.IsJson)))
            {
                request.Interval = Interval(parsed.GetValue(interval)).ToDuration();
            }

            await WatchAsync(connection, context, request, show, ct);
            return ExitCode.Done;
        });
        return command;
    }

    private static WatchTopRequest Request(string resource, string? name)
    {
        // Workloads are no resource of the API, so they have no kind of their own there.
        var (word, rest) = resource.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash ? (resource[..slash], resource[slash..]) : (resource, "");
        var isWorkload = word.ToLowerInvariant() is Workload or Workload + "s";
        var (resourceKind, which) = Resources.Parse(isWorkload ? ResourceKind.Node + rest : resource, name);
        var kind = isWorkload ? Workload : resourceKind.Name;
        return (kind, which) switch
        {
            (ResourceKind.Node, null) => new(),
            (ResourceKind.Node, { } node) => new() { Node = node },
            (ResourceKind.Fleet, { } fleet) => new() { Fleet = fleet },
            (Workload, { } workload) => new() { Workload = workload },
            (ResourceKind.Fleet or Workload, null) => throw new CliException(ExitCode.Invalid, $"top {kind}: which one? Expected top {kind} NAME{(kind == ResourceKind.Fleet ? "; qmfleet get fleets lists them" : "")}"),
            _ => throw new CliException(ExitCode.Invalid, $"top {kind}: has no usage; expected nodes, node, fleet or workload"),
        };
    }

    private static TimeSpan Interval(string? text) => text is null ? DefaultInterval
        : Durations.Parse("--interval", text) is var interval && interval <= LongestInterval ? interval
        : throw new CliException(ExitCode.Invalid, $"--interval {text}: expected 1s to 1h");

    private static async Task WatchAsync(FleetConnection connection, CliContext context, WatchTopRequest request, Show show, CancellationToken ct)
    {
        var (rounds, attempts) = (0, 0);
        await (request.Interval is not null && context.OutWidth is not null && !show.IsJson ? show.LiveAsync(ReadAsync) : ReadAsync(show.WriteAsync, context.Error.WriteLineAsync));

        // Whoever looks on is not left with the last figures of a server that restarts.
        async Task ReadAsync(Func<IReadOnlyList<NodeTop>, DateTimeOffset, bool, Task> write, Func<string, Task> tell)
        {
            while (!await EndsAsync(write))
            {
                if (++attempts > MaxAttempts)
                {
                    throw new CliException(ExitCode.Unreachable, "the server did not come back; look again when it has");
                }

                if (attempts == 1)
                {
                    await tell("the server went away; going on when it is back");
                }

                await Task.Delay(Pause, context.Time, ct);
            }
        }

        async Task<bool> EndsAsync(Func<IReadOnlyList<NodeTop>, DateTimeOffset, bool, Task> write)
        {
            using var stream = connection.Diagnostics.WatchTop(request, cancellationToken: ct);
            var nodes = new List<NodeTop>();
            try
            {
                await foreach (var part in stream.ResponseStream.ReadAllAsync(ct))
                {
                    nodes.AddRange(part.Nodes);
                    if (part.Complete)
                    {
                        (attempts, rounds) = (0, rounds + 1);
                        await write(nodes, part.At.ToDateTimeOffset(), rounds == 1);
                        nodes.Clear();
                    }
                }

                return true;
            }
            catch (RpcException e) when (request.Interval is not null && rounds > 0 && !ct.IsCancellationRequested && RpcErrors.CanBeTakenUpAgain(e))
            {
                return false;
            }
        }
    }

    private static async Task<int> HistoryAsync(FleetConnection connection, CliContext context, WatchTopRequest request, TimeSpan back, bool asJson, CancellationToken ct)
    {
        if (request.Node.Length == 0)
        {
            throw new CliException(ExitCode.Invalid, "--history: is of one node; qmfleet top node NAME --history 10m");
        }

        // The age of a sample is cut into steps on the node, so that the columns are the same for all units.
        var step = TimeSpan.FromSeconds(Math.Max(1, Math.Ceiling(back.TotalSeconds / UsageTrend.Steps)));
        var question = new GetUsageRequest
        {
            Node = request.Node,
            From = (context.Time.GetUtcNow() - back).ToTimestamp(),
            Step = step.ToDuration(),
            Limit = UsageTrend.Steps,
        };
        var answer = await connection.Diagnostics.GetUsageAsync(question, cancellationToken: ct);
        if (asJson)
        {
            await context.Out.WriteLineAsync(ApiText.Json([answer], isOne: true));
            return ExitCode.Done;
        }

        var table = new Output.Table(UsageTrend.Header);
        foreach (var row in UsageTrend.Of(answer.Series, step))
        {
            table.Add(row);
        }

        await table.WriteAsync(context.Out, context.OutWidth);
        var reach = answer.OldestAt is { } oldest ? $"it remembers {Durations.Since(oldest, answer.ReadAt.ToDateTimeOffset())}" : "it remembers nothing yet";
        await context.Error.WriteLineAsync(PlainText.Of($"{answer.Node}: {Durations.Show(back)} in steps of {Durations.Show(step)}, sampled every {Durations.Show(answer.Interval?.ToTimeSpan() ?? TimeSpan.Zero)}; {reach}"));
        return ExitCode.Done;
    }

    /// <summary>How rounds are shown.</summary>
    /// <param name="Context">Where.</param>
    /// <param name="Order">How rows are sorted.</param>
    /// <param name="IsJson">Whether as the API's JSON.</param>
    private sealed record Show(CliContext Context, string Order, bool IsJson)
    {
        /// <summary>Writes one round; an empty line parts it from the one before.</summary>
        public async Task WriteAsync(IReadOnlyList<NodeTop> nodes, DateTimeOffset at, bool isFirst)
        {
            if (IsJson)
            {
                await Context.Out.WriteLineAsync(ApiText.Json([.. nodes], isOne: false));
            }
            else
            {
                await Context.Out.WriteAsync(isFirst ? "" : "\n");
                await TableOf(nodes, at).WriteAsync(Context.Out, Context.OutWidth);
            }

            await Context.Out.FlushAsync();
        }

        /// <summary>Draws each round in the place of the one before, and what is told below the last one.</summary>
        public Task LiveAsync(Func<Func<IReadOnlyList<NodeTop>, DateTimeOffset, bool, Task>, Func<string, Task>, Task> read)
        {
            var settings = new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Context.Out), Ansi = AnsiSupport.Yes, ColorSystem = ColorSystemSupport.NoColors };
            return AnsiConsole.Create(settings).Live(Text.Empty).Overflow(VerticalOverflow.Crop).StartAsync(live =>
            {
                string[] drawn = [];
                return read(
                    async (nodes, at, _) =>
                    {
                        using var text = new StringWriter();
                        // A line as wide as the terminal would wrap.
                        await TableOf(nodes, at).WriteAsync(text, Context.OutWidth - 1);
                        drawn = text.ToString().TrimEnd('\n').Split('\n');
                        Draw(drawn);
                    },
                    told =>
                    {
                        Draw([.. drawn, told]);
                        return Task.CompletedTask;
                    });

                void Draw(IEnumerable<string> lines) => live.UpdateTarget(new Rows(lines.Select(static line => new Text(line))));
            });
        }

        private Output.Table TableOf(IReadOnlyList<NodeTop> nodes, DateTimeOffset at)
        {
            var table = new Output.Table(TopRows.Header);
            foreach (var row in TopRows.Of(nodes, at, Order))
            {
                table.Add(row);
            }

            return table;
        }
    }
}

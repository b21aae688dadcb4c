using System.CommandLine;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>logs: the journal of a node, or of its QM.</summary>
internal static class LogsVerb
{
    private const int MaxLines = 10_000;

    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var node = global.Names.OfNodes(new Argument<string>("node") { Description = "The node's name" });
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with new lines until Ctrl-C" };
        var since = new Option<string?>("--since") { Description = "Only lines since then: a time such as 2026-11-28T07:00:00Z, or how long ago, such as 15m", HelpName = "time" };
        var unit = global.Names.OfUnits(new Option<string>("--unit", "-u") { Description = "Only of this unit, with its suffix; else qm.service and the host's BlueChi agent", HelpName = "unit", DefaultValueFactory = _ => "" });
        var inQm = new Option<bool>("--in-qm") { Description = "The journal inside QM, and not that of the host" };
        var tail = LabArguments.OptionalCount("--tail", "The last so many lines to begin with", 100, MaxLines);
        var output = OutputOptions.OfAnswers();
        var command = new Command("logs", """
            Shows lines of a node's journal, oldest first, secrets left out.

            Examples:
              qmfleet logs ecu2
              qmfleet logs ecu2 --in-qm -f
              qmfleet logs ecu2 --in-qm -u radio.service --since 15m --tail 1000
              qmfleet logs ecu2 -o json
            """) { node, follow, since, unit, inQm, tail };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var format = output.FormatOf(parsed);
            var request = new GetLogsRequest
            {
                Node = parsed.GetValue(node)!,
                Unit = parsed.GetValue(unit)!,
                InQm = parsed.GetValue(inQm),
                Since = parsed.GetValue(since) is { } text ? Since(text, context.Time.GetUtcNow()) : null,
                Lines = parsed.GetValue(tail),
                Follow = parsed.GetValue(follow),
            };
            using var connection = global.Connect(parsed, context);
            if (!request.Follow && !format.IsForPeople)
            {
                using var whole = connection.Diagnostics.GetLogs(request, cancellationToken: ct);
                await ApiText.WriteAsync(context.Out, await whole.ResponseStream.ReadAllAsync(ct).ToListAsync(ct), isOne: false, format);
                return ExitCode.Done;
            }

            await FollowAsync(request, connection, context, format, ct);
            return ExitCode.Done;
        });
        return command;
    }

    // Why it ended is told with how to go on: what was shown is not shown again.
    private static async Task FollowAsync(GetLogsRequest request, FleetConnection connection, CliContext context, OutputFormat format, CancellationToken ct)
    {
        Timestamp? last = null;
        using var lines = connection.Diagnostics.GetLogs(request, cancellationToken: ct);
        try
        {
            while (await lines.ResponseStream.MoveNext(ct))
            {
                var entry = lines.ResponseStream.Current;
                last = entry.Time ?? last;
                await (format.IsForPeople ? context.Out.WriteLineAsync(Line(entry)) : StreamedText.WriteAsync(context.Out, entry, format));
                await context.Out.FlushAsync(ct);
            }
        }
        catch (RpcException e) when (last is not null && !ct.IsCancellationRequested && RpcErrors.CanBeTakenUpAgain(e))
        {
            throw new CliException(ExitCode.Unreachable, $"the logs of {request.Node} broke off: {RpcErrors.Deepest(e)}\nGo on with --since {last.ToDateTimeOffset().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)}");
        }
    }

    // As journalctl shows it, with the time in UTC.
    private static string Line(LogEntry entry)
    {
        var time = entry.Time?.ToDateTimeOffset().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) ?? "-";
        var who = entry.Identifier.Length > 0 ? entry.Identifier : entry.Unit.Length > 0 ? entry.Unit : "-";
        return PlainText.Of(string.Create(CultureInfo.InvariantCulture, $"{time} {who}{(entry.Pid > 0 ? $"[{entry.Pid}]" : "")}: {entry.Message}"));
    }

    private static Timestamp Since(string text, DateTimeOffset now) =>
        Durations.TryParse(text, out var ago) ? (now - ago).ToTimestamp()
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at.ToTimestamp()
        : throw new CliException(ExitCode.Invalid, $"--since {text}: expected a time such as 2026-11-28T07:00:00Z, or how long ago, such as 15m, at most 24h");
}

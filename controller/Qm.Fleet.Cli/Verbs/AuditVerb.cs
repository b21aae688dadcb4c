using System.CommandLine;
using System.Globalization;
using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.Core.Audit;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>audit: the event log as a chain in which nothing is altered unseen.</summary>
internal static class AuditVerb
{
    internal static Command Make(GlobalOptions global, CliContext context) => new("audit", """
        Exports the audit trail, and verifies that no event of it was altered or removed.

        Every event carries a hash over itself and the event before. Keep the last line of an answer of verify
        elsewhere: whoever can write the controller's database can make all hashes anew, but not what you keep.

        Examples:
          qmfleet audit export > audit.jsonl
          qmfleet audit verify
        """) { Export(global, context), Verify(global, context) };

    private static Command Export(GlobalOptions global, CliContext context)
    {
        var after = new Option<long>("--after") { Description = "Only events after this number", HelpName = "number" };
        var command = new Command("export", """
            Prints the audit trail to its end, one event as JSON on a line.

            Examples:
              qmfleet audit export > audit.jsonl
              qmfleet audit export --after 120 >> audit.jsonl
            """) { after };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            using var call = connection.Audit.Export(new() { After = parsed.GetValue(after) }, cancellationToken: ct);
            while (await call.ResponseStream.MoveNext(ct))
            {
                await context.Out.WriteLineAsync(ApiText.JsonLine(call.ResponseStream.Current));
            }

            await context.Out.FlushAsync(ct);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Verify(GlobalOptions global, CliContext context)
    {
        var file = new Option<string?>("--file", "-f") { Description = "An export, verified here without the server", HelpName = "path" };
        var from = new Option<string?>("--from") { Description = "The end that an earlier verification told: it must still be there", HelpName = "number:hash" };
        var command = new Command("verify", """
            Walks the whole audit trail, and prints the end of what holds as NUMBER:HASH.
            Ends with 1 and the number of the first event that was altered or is missing.

            Examples:
              qmfleet audit verify --from "$(cat audit.end)" > audit.new && mv audit.new audit.end
              qmfleet audit verify --file audit.jsonl
            """) { file, from };
        command.SetAction(async (parsed, ct) =>
        {
            var remembered = parsed.GetValue(from) is not { } text ? null
                : AuditLink.Parse(text.Trim()) ?? throw new CliException(ExitCode.Invalid, $"--from {text}: expected NUMBER:HASH with 64 hex digits in lower case, as qmfleet audit verify prints it");
            var (end, number, reason) = parsed.GetValue(file) is { } path
                ? await AuditFile.VerifyAsync(path, remembered, ct)
                : await OnServerAsync(global.Connect(parsed, context), remembered, ct);
            if (number > 0)
            {
                await context.Out.WriteLineAsync(number.ToString(CultureInfo.InvariantCulture));
                await context.Error.WriteLineAsync($"The audit trail does not hold: {reason}.");
                return ExitCode.Failed;
            }

            await context.Out.WriteLineAsync(end);
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<(string End, long Number, string Reason)> OnServerAsync(FleetConnection open, AuditLink? remembered, CancellationToken ct)
    {
        using var connection = open;
        var request = remembered is null ? new VerifyAuditRequest() : new() { Number = remembered.Number, Hash = Convert.ToHexStringLower(remembered.Hash.AsSpan()) };
        var answer = await connection.Audit.VerifyAsync(request, cancellationToken: ct);
        return (string.Create(CultureInfo.InvariantCulture, $"{answer.EndNumber}:{answer.EndHash}"), answer.Number, answer.Reason);
    }
}

/// <summary>An export of the audit trail in a file.</summary>
internal static class AuditFile
{
    /// <summary>Verifies it with what the server verifies with.</summary>
    /// <returns>The end of what holds; the number of the first event that does not fit, 0 when all do; and why.</returns>
    /// <exception cref="CliException">The file cannot be read, or a line of it is no event.</exception>
    internal static async Task<(string End, long Number, string Reason)> VerifyAsync(string path, AuditLink? remembered, CancellationToken ct)
    {
        var chain = new AuditChain(remembered);
        var line = 0;
        try
        {
            await foreach (var text in File.ReadLinesAsync(path, ct))
            {
                line++;
                var item = JsonParser.Default.Parse<Event>(text);
                if (chain.Take(Record(item), AuditLink.HashOf(item.Hash)) is { } wrong)
                {
                    return ($"{chain.End}", wrong.Number, wrong.Reason);
                }
            }
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw new CliException(ExitCode.Invalid, string.Create(CultureInfo.InvariantCulture, $"{path}:{line}: no event: {e.Message}\nExpected what qmfleet audit export prints."));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Invalid, $"--file {path}: {e.Message}");
        }

        var end = chain.Finish();
        return ($"{chain.End}", end?.Number ?? 0, end?.Reason ?? "");
    }

    private static AuditRecord Record(Event item) => new(
        item.Number, item.Time?.Seconds ?? 0, item.Time?.Nanos ?? 0, (int)item.Severity, item.Reason, item.Actor, item.Fleet, item.Node, item.Unit, item.Message,
        new(item.Source, item.RequestId, item.Before, item.After));
}

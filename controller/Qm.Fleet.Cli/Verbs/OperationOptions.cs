using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>What every verb takes that begins an operation: a reason, a trial, and whether its end is waited for.</summary>
internal sealed class OperationOptions
{
    private readonly Option<string> _reason = ReasonOption();
    private readonly Option<bool> _dryRun = DryRunOption();
    private readonly Option<bool> _noWait = new("--no-wait") { Description = "Do not wait for its end" };
    private readonly OutputOptions _output = OutputOptions.OfAnswers("name");

    internal static Option<string> ReasonOption() => new("--reason") { Description = "Why, for those who wonder", HelpName = "text", DefaultValueFactory = _ => "" };

    internal static Option<bool> DryRunOption() => new("--dry-run") { Description = "Check and answer as if it were done; nothing is changed" };

    internal void AddTo(Command command)
    {
        command.Add(_reason);
        command.Add(_dryRun);
        command.Add(_noWait);
        _output.AddTo(command);
    }

    /// <summary>Begins an operation, shows it, and waits for its end unless told not to.</summary>
    /// <param name="global">Where the server is.</param>
    /// <param name="context">Where it is shown.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="begin">Asks for it; takes the reason and whether it is a trial.</param>
    /// <param name="ct">Ends the wait; the operation goes on.</param>
    internal async Task<int> RunAsync(
        GlobalOptions global, CliContext context, ParseResult parsed, Func<FleetConnection, string, bool, AsyncUnaryCall<Operation>> begin, CancellationToken ct)
    {
        var (limit, format, isTrial) = (global.RolloutTimeout(parsed), _output.FormatOf(parsed), parsed.GetValue(_dryRun));
        using var connection = global.ConnectToWait(parsed, context);
        var operation = await begin(connection, parsed.GetValue(_reason)!, isTrial);
        var name = $"operation/{OperationKind.Short(operation.Name)}";
        if (format.IsForPeople)
        {
            await context.Out.WriteLineAsync(PlainText.Of($"{OperationWait.What(operation)}  {(isTrial ? "(dry run)" : name)}"));
        }

        var end = ExitCode.Done;
        if (!isTrial && !parsed.GetValue(_noWait))
        {
            (end, operation) = await OperationWait.ForAsync(operation, connection, context, limit, ct);
        }

        switch (format)
        {
            case OutputFormat.Table:
                break;
            case OutputFormat.Name:
                await context.Out.WriteLineAsync(name);
                break;
            default:
                await ApiText.WriteAsync(context.Out, [operation], isOne: true, format);
                break;
        }

        return end;
    }
}

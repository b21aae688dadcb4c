using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>effective: where the settings of QM and of BlueChi's agents on a node come from.</summary>
internal static class EffectiveVerb
{
    // A generated ExecStart= would push everything behind it off the screen; the key by itself shows all of it.
    private const int ValueWidth = 48;

    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var node = global.Names.OfNodes(new Argument<string>("node") { Description = "The node's name" });
        var key = new Argument<string?>("key") { Description = "Only this key, as it is spelled in the file", Arity = ArgumentArity.ZeroOrOne };
        var output = OutputOptions.OfAnswers();
        var command = new Command("effective", """
            Shows where the settings of QM, of the BlueChi agents of host and QM, and QM's default OOM score come from:
            of every key the value in force, its layer and its file; of one key everything that is said of it, the
            strongest first. Reads the node's files now, and changes nothing.

            Examples:
              qmfleet effective ecu9
              qmfleet effective ecu9 MemoryHigh
              qmfleet effective ecu9 NodeName -o json
            """) { node, key };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (name, asked) = (parsed.GetValue(node)!, parsed.GetValue(key) ?? "");
            using var connection = global.Connect(parsed, context);
            var answer = await connection.Diagnostics.GetEffectiveAsync(new() { Node = name, Key = asked }, cancellationToken: ct);
            foreach (var problem in answer.Problems)
            {
                await context.Error.WriteLineAsync(PlainText.Of(problem));
            }

            if (answer.Settings.Count == 0 && asked.Length > 0)
            {
                throw new CliException(ExitCode.NotFound, $"{asked}: no file of {name} that is looked at sets it; qmfleet effective {name} lists what they set");
            }

            await WriteAsync(context, answer, asked, output.FormatOf(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task WriteAsync(CliContext context, GetEffectiveResponse answer, string key, OutputFormat format)
    {
        if (!format.IsForPeople)
        {
            await ApiText.WriteAsync(context.Out, [answer], isOne: true, format);
        }
        else if (key.Length == 0)
        {
            await WriteTableAsync(context, answer.Settings);
        }
        else
        {
            foreach (var setting in answer.Settings)
            {
                await EffectiveText.WriteChainAsync(context.Out, setting);
            }
        }
    }

    private static async Task WriteTableAsync(CliContext context, IEnumerable<EffectiveSetting> settings)
    {
        var table = new Table("OF", "SECTION", "KEY", "VALUE", "LAYER", "FILE");
        foreach (var setting in settings)
        {
            var winner = EffectiveText.Winner(setting);
            table.Add(
                EffectiveText.Of(setting.Subject), setting.Section, setting.Key, Shorten(EffectiveText.Value(setting.Value)),
                winner is null ? "-" : EffectiveText.Of(winner), winner?.File ?? "-");
        }

        await table.WriteAsync(context.Out, context.OutWidth);
    }

    private static string Shorten(string value) => value.Length <= ValueWidth ? value : $"{value[..(ValueWidth - 1)]}…";
}

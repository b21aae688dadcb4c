using System.CommandLine;
using System.Reflection;
using System.Text.Json.Nodes;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>version: which qmfleet this is, and which controller it speaks to.</summary>
internal static class VersionVerb
{
    /// <summary>The version of qmfleet.</summary>
    internal static string Own { get; } = typeof(VersionVerb).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var clientOnly = new Option<bool>("--client") { Description = "Only of qmfleet itself; asks no server" };
        var output = new Option<string>("--output", "-o") { Description = "How to show it: table, json or yaml", HelpName = "format", DefaultValueFactory = _ => "table" };
        output.AcceptOnlyFromAmong("table", "json", "yaml");
        var command = new Command("version", """
            Shows the version of qmfleet and of the controller.

            Examples:
              qmfleet version
              qmfleet version --client
              qmfleet version -o json
            """) { clientOnly, output };
        command.SetAction(async (parsed, ct) =>
        {
            if (parsed.GetValue(clientOnly))
            {
                await ShowAsync(context, parsed.GetValue(output)!, null);
                return ExitCode.Done;
            }

            using var connection = global.Connect(parsed, context);
            try
            {
                await ShowAsync(context, parsed.GetValue(output)!, await connection.Server.GetVersionAsync(new(), cancellationToken: ct));
            }
            catch (RpcException) when (!ct.IsCancellationRequested)
            {
                // What is known of this side is told in any case.
                await ShowAsync(context, parsed.GetValue(output)!, null);
                throw;
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static async Task ShowAsync(CliContext context, string format, ServerVersion? server)
    {
        if (format == "table")
        {
            await context.Out.WriteLineAsync($"qmfleet     {Own}");
            if (server is not null)
            {
                await context.Out.WriteLineAsync(PlainText.Of(
                    $"controller  {server.Version}   {server.Api}   .NET {server.Runtime}   runs for {Durations.Since(server.StartedAt, context.Time.GetUtcNow())}"));
            }

            return;
        }

        var tree = new JsonObject { ["client"] = new JsonObject { ["version"] = Own } };
        if (server is not null)
        {
            tree["server"] = ApiText.Tree(server);
        }

        await context.Out.WriteLineAsync(format == "json" ? ApiText.Json(tree) : YamlText.Of(tree));
    }
}

using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>What apply and create have in common: files that are checked, stored, and waited for.</summary>
internal sealed class ManifestOptions
{
    private readonly Option<string[]> _files = new("--filename", "-f")
    {
        Description = "A file, a directory, or - for standard input; may repeat",
        HelpName = "file",
        Required = true,
    };

    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Check everything, show what would be done, store nothing" };
    private readonly Option<bool> _noWait = new("--no-wait") { Description = "Do not wait for the nodes" };
    private readonly OutputOptions _output = OutputOptions.OfAnswers("name");

    internal void AddTo(Command command)
    {
        command.Add(_files);
        command.Add(_dryRun);
        command.Add(_noWait);
        _output.AddTo(command);
    }

    internal async Task<int> RunAsync(GlobalOptions global, CliContext context, ParseResult parsed, bool mustBeNew, CancellationToken ct)
    {
        var (limit, sources, format) = (global.RolloutTimeout(parsed), parsed.GetValue(_files)!, _output.FormatOf(parsed));
        using var connection = global.ConnectToWait(parsed, context);
        var manifests = await ManifestSet.ReadAsync(sources, context.In, ct);
        var submission = new Submission(manifests, connection, mustBeNew ? 0 : null, ct);
        var (nodes, fleets) = await CheckAsync(manifests, submission, context, global.ServerOf(parsed, context), ct);
        if (!manifests.IsValid)
        {
            foreach (var line in ProblemReport.Lines(manifests.Files, "nothing was stored"))
            {
                await context.Error.WriteLineAsync(line);
            }

            return ExitCode.Invalid;
        }

        if (parsed.GetValue(_dryRun))
        {
            await AppliedText.WriteAsync(context, nodes, fleets, format, isTrial: true);
            return format.IsForPeople ? await PlanVerb.ShowAsync(manifests, submission, sources, format, showDiff: false, context) : ExitCode.Done;
        }

        nodes = await submission.ApplyNodesAsync();
        if (format.IsForPeople)
        {
            // What is stored is told before the next can fail.
            await AppliedText.WriteAsync(context, nodes, [], format);
        }

        fleets = await submission.ApplyFleetsAsync();
        await AppliedText.WriteAsync(context, format.IsForPeople ? [] : nodes, fleets, format);
        return parsed.GetValue(_noWait) ? ExitCode.Done : await RolloutWait.ForAsync(fleets, connection, context, limit, ct);
    }

    // What is wrong here and what is wrong there are told together; what is wrong here can be told without the server, too.
    private static async Task<(IReadOnlyList<AppliedNode> Nodes, IReadOnlyList<AppliedFleet> Fleets)> CheckAsync(
        ManifestSet manifests, Submission submission, CliContext context, string server, CancellationToken ct)
    {
        try
        {
            return await submission.CheckAsync();
        }
        catch (RpcException e) when (!manifests.IsValid && !ct.IsCancellationRequested)
        {
            await context.Error.WriteLineAsync($"The server could not check, so there may be more: {RpcErrors.Explain(e, server).Message.Split('\n')[0]}");
            return ([], []);
        }
    }
}

using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>wait: until resources are as they are wanted.</summary>
internal static class WaitVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var resources = new Argument<string[]>("KIND/NAME") { Description = "What to wait for: KIND/NAME, several of them, KIND NAME..., or KIND with -l or --all", Arity = ArgumentArity.OneOrMore };
        global.Names.OfResources(resources, null);
        var until = new Option<string>("--for") { Description = "condition=TYPE[=STATUS], phase=PHASE, complete, delete, or jsonpath={PATH}[=VALUE]", HelpName = "what", DefaultValueFactory = _ => "" };
        var all = new Option<bool>("--all") { Description = "All of the kind that there are now" };
        var selection = new SelectionOptions();
        var command = new Command("wait", """
            Waits until resources are as they are wanted. Without --for: a node until its condition Ready holds, a fleet or rollout until its rollout
            is complete, an operation until it has ended. Exits with 1 when it can never be, 5 when it is not so in time.

            Examples:
              qmfleet wait node/ecu1 --for condition=Ready
              qmfleet wait nodes -l zone=cockpit --for phase=Healthy --timeout 2m
              qmfleet wait fleet/cockpit --for complete
              qmfleet wait fleet/cockpit --for delete
              qmfleet wait node/ecu1 --for jsonpath='{.status.revision}'=9f3a61c2
              qmfleet wait operation/cockpit/7
            """) { resources, until, all };
        selection.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var limit = global.RolloutTimeout(parsed);
            var named = Resources.ParseAll(parsed.GetValue(resources)!);
            var condition = parsed.GetValue(until) is { Length: > 0 } text ? WaitCondition.Parse(text) : null;
            using var connection = global.ConnectToWait(parsed, context);
            var targets = await TargetsAsync(named, parsed, selection, parsed.GetValue(all), connection, context, ct);
            return await new ResourceWait(connection, context, limit).ForAllAsync([.. targets.Select(target => (target.Kind, target.Name, condition ?? Usual(target.Kind)))], ct);
        });
        return command;
    }

    private static async Task<IReadOnlyList<(ResourceKind Kind, string Name)>> TargetsAsync(
        IReadOnlyList<(ResourceKind Kind, string? Name)> named, ParseResult parsed, SelectionOptions selection, bool all, FleetConnection connection, CliContext context, CancellationToken ct)
    {
        if (named is not [(var kind, null)])
        {
            return all || selection.IsGiven(parsed)
                ? throw new CliException(ExitCode.Invalid, "wait: names, or -l, --field-selector or --all; not both")
                : [.. named.Select(target => (target.Kind, target.Name!))];
        }

        if (!all && !selection.IsGiven(parsed))
        {
            throw new CliException(ExitCode.Invalid, $"wait {kind.Name}: for which one? Name it, or say -l LABELS or --all");
        }

        var found = await kind.ListAsync(connection, selection.QueryOf(parsed, kind, null), ct);
        if (found.Count == 0)
        {
            await context.Error.WriteLineAsync($"no {kind.Plural}, so there is nothing to wait for");
        }

        return [.. found.Select(resource => (kind, kind.NameOf(resource)))];
    }

    private static WaitCondition Usual(ResourceKind kind) => kind.Name switch
    {
        ResourceKind.Node => new WaitCondition.Condition("Ready", "true"),
        ResourceKind.Site => new WaitCondition.Condition("Connected", "true"),
        ResourceKind.Fleet or ResourceKind.Rollout or ResourceKind.Operation => new WaitCondition.Complete(),
        _ => throw new CliException(ExitCode.Invalid, $"wait {kind.Name}: for what? Say it with --for"),
    };
}

using System.CommandLine;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>label: adds, changes and removes labels of nodes and fleets.</summary>
internal static class LabelVerb
{
    // Somebody else may change the same resource at the same moment, a few times.
    private const int MaxAttempts = 3;
    private const string Unchanged = "not labeled";

    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var words = new Argument<string[]>("KIND/NAME KEY=VALUE")
        {
            Description = "KIND/NAME or KIND NAME..., then KEY=VALUE to add or change, KEY- to remove; KIND alone with -l, --field-selector or --all",
            Arity = ArgumentArity.OneOrMore,
        };
        global.Names.OfResources(words, null);
        var overwrite = new Option<bool>("--overwrite") { Description = "Change labels that have another value" };
        var all = new Option<bool>("--all") { Description = "All of the kind" };
        var dryRun = OperationOptions.DryRunOption();
        var (selection, output) = (new SelectionOptions(), OutputOptions.OfAnswers());
        var command = new Command("label", """
            Adds, changes and removes labels of nodes and fleets. Labels decide which fleet a node is of: it may be rolled out to at once.

            Examples:
              qmfleet label node ecu1 zone=cockpit
              qmfleet label node/ecu1 canary=true --overwrite
              qmfleet label node ecu1 ecu2 canary-
              qmfleet label nodes -l zone=cockpit vehicle=v4
            """) { words, overwrite, all, dryRun };
        selection.AddTo(command);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (given, isTrial, format) = (parsed.GetValue(words)!, parsed.GetValue(dryRun), output.FormatOf(parsed));
            var named = Resources.ParseAll([.. given.TakeWhile(word => !LabelChange.IsOne(word))]);
            var changes = LabelChange.ParseAll(given.SkipWhile(word => !LabelChange.IsOne(word)));
            foreach (var (kind, _) in named)
            {
                Resources.Only("label", kind, ResourceKind.Node, ResourceKind.Fleet);
            }

            using var connection = global.Connect(parsed, context);
            var targets = await TargetsAsync(named, parsed, selection, parsed.GetValue(all), connection, ct);
            var answers = new List<IMessage>();
            foreach (var (kind, name) in targets)
            {
                var (outcome, resource) = await LabelAsync(kind, name, changes, parsed.GetValue(overwrite), isTrial, connection, ct);
                answers.Add(resource);
                if (format.IsForPeople)
                {
                    await context.Out.WriteLineAsync(PlainText.Of($"{kind.Name}/{name} {outcome}{(isTrial ? "  (dry run)" : "")}"));
                }
            }

            if (!format.IsForPeople)
            {
                await ApiText.WriteAsync(context.Out, answers, answers.Count == 1, format);
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<IReadOnlyList<(ResourceKind Kind, string Name)>> TargetsAsync(
        IReadOnlyList<(ResourceKind Kind, string? Name)> named, ParseResult parsed, SelectionOptions selection, bool all, FleetConnection connection, CancellationToken ct)
    {
        if (named is not [(var kind, null)])
        {
            return all || selection.IsGiven(parsed)
                ? throw new CliException(ExitCode.Invalid, "label: names, or -l, --field-selector or --all; not both")
                : [.. named.Select(target => (target.Kind, target.Name!))];
        }

        return all || selection.IsGiven(parsed)
            ? [.. (await kind.ListAsync(connection, selection.QueryOf(parsed, kind, null), ct)).Select(resource => (kind, kind.NameOf(resource)))]
            : throw new CliException(ExitCode.Invalid, $"label {kind.Name}: which one? Name it, or say -l LABELS or --all");
    }

    private static async Task<(string Outcome, IMessage Resource)> LabelAsync(
        ResourceKind kind, string name, IReadOnlyList<LabelChange> changes, bool overwrite, bool isTrial, FleetConnection connection, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            var resource = (await kind.GetAsync(connection, name, ct))[0];
            var metadata = resource is Node node ? node.Metadata : ((V1.Fleet)resource).Metadata;
            var outcome = Change(metadata.Labels, changes, overwrite, $"{kind.Name}/{name}");
            if (outcome == Unchanged)
            {
                return (outcome, resource);
            }

            try
            {
                return (outcome, await UpdateAsync(resource, metadata, isTrial, connection, ct));
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Aborted && attempt < MaxAttempts)
            {
                // It was changed meanwhile; the labels are looked at anew.
            }
        }
    }

    private static string Change(MapField<string, string> labels, IReadOnlyList<LabelChange> changes, bool overwrite, string what)
    {
        var refused = changes.Where(change => change.Value is not null && !overwrite && labels.TryGetValue(change.Key, out var has) && has != change.Value)
            .Select(change => $"{what}: label {change.Key} is {labels[change.Key]} already; --overwrite changes it to {change.Value}").ToArray();
        if (refused.Length > 0)
        {
            throw new CliException(ExitCode.Refused, string.Join('\n', refused));
        }

        var (added, removed) = (false, false);
        foreach (var (key, value) in changes)
        {
            if (value is null)
            {
                removed |= labels.Remove(key);
            }
            else if (!labels.TryGetValue(key, out var has) || has != value)
            {
                labels[key] = value;
                added = true;
            }
        }

        return added ? "labeled" : removed ? "unlabeled" : Unchanged;
    }

    private static async Task<IMessage> UpdateAsync(IMessage resource, V1.Metadata metadata, bool isTrial, FleetConnection connection, CancellationToken ct)
    {
        var (only, mask) = (new V1.Metadata { Name = metadata.Name, Labels = { metadata.Labels } }, FieldMask.FromString("metadata.labels"));
        return resource is Node
            ? (await connection.Nodes.UpdateAsync(
                new() { Node = new() { Metadata = only }, UpdateMask = mask, Generation = metadata.Generation, DryRun = isTrial }, cancellationToken: ct)).Node
            : (await connection.Fleets.UpdateAsync(
                new() { Fleet = new() { Metadata = only }, UpdateMask = mask, Generation = metadata.Generation, DryRun = isTrial }, cancellationToken: ct)).Fleet;
    }
}

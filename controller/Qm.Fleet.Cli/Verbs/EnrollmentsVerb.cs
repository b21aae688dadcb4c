using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>enrollments: nodes that ask to join, and what becomes of them.</summary>
internal static class EnrollmentsVerb
{
    private delegate AsyncUnaryCall<Enrollment> Decision(EnrollmentService.EnrollmentServiceClient enrollments, string node, string fingerprint, string reason, bool isTrial, CancellationToken ct);

    internal static Command Make(GlobalOptions global, CliContext context) => new("enrollments", """
        Shows which nodes ask to join, and lets them in.

        A node makes its key itself. Approve it when its fingerprint is the one that its agent extension logs.

        Examples:
          qmfleet enrollments list
          qmfleet enrollments approve ecu1
        """)
    {
        List(global, context),
        Decide("approve", "approved", "Lets a node in: it has its certificate when it asks next, within a minute.", global, context,
            static (enrollments, node, fingerprint, reason, trial, ct) => enrollments.ApproveEnrollmentAsync(new() { Node = node, Fingerprint = fingerprint, Reason = reason, DryRun = trial }, cancellationToken: ct)),
        Decide("deny", "denied", "Refuses a key that asks for a node's name, for a day.", global, context,
            static (enrollments, node, fingerprint, reason, trial, ct) => enrollments.DenyEnrollmentAsync(new() { Node = node, Fingerprint = fingerprint, Reason = reason, DryRun = trial }, cancellationToken: ct)),
    };

    private static Command List(GlobalOptions global, CliContext context)
    {
        var output = OutputOptions.OfLists();
        var all = new Option<bool>("--all", "-a") { Description = "Also those that have joined" };
        var command = new Command("list", """
            Shows the nodes that ask to join, where from, and what BlueChi says of that address.

            Examples:
              qmfleet enrollments list
              qmfleet enrollments list --all -o wide
            """) { all };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var kind = ResourceKind.Find(ResourceKind.Enrollment)!;
            using var connection = global.Connect(parsed, context);
            var found = await kind.ListAsync(connection, parsed.GetValue(all) ? ResourceQuery.Everything : new("", "state!=ENROLLED"), ct);
            await kind.List(found, context.Time.GetUtcNow()).WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Decide(string verb, string outcome, string description, GlobalOptions global, CliContext context, Decision decide)
    {
        var node = new Argument<string>("node") { Description = "The node's name" };
        var fingerprint = new Option<string>("--fingerprint") { Description = "Of the key, or its first 8 digits or more; needed when several keys ask for the name", HelpName = "hex", DefaultValueFactory = _ => "" };
        var (reason, dryRun, output) = (OperationOptions.ReasonOption(), OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var command = new Command(verb, $"""
            {description}

            Examples:
              qmfleet enrollments {verb} ecu1
              qmfleet enrollments {verb} ecu1 --fingerprint 3f8a91c2 --reason "bench 4"
            """) { node, fingerprint, reason, dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (format, isTrial) = (output.FormatOf(parsed), parsed.GetValue(dryRun));
            using var connection = global.Connect(parsed, context);
            var decided = await decide(connection.Enrollments, parsed.GetValue(node)!, parsed.GetValue(fingerprint)!, parsed.GetValue(reason)!, isTrial, ct);
            if (format.IsForPeople)
            {
                await context.Out.WriteLineAsync(PlainText.Of($"enrollment/{decided.Node} {outcome}, key {decided.Fingerprint}{(isTrial ? "  (dry run)" : "")}"));
                if (decided.Bluechi is { } peer)
                {
                    await context.Error.WriteLineAsync(PlainText.Of($"It asks from {(decided.Address.Length > 0 ? decided.Address : "a socket")}. {peer.Message}"));
                }
            }
            else
            {
                await ApiText.WriteAsync(context.Out, [decided], isOne: true, format);
            }

            return ExitCode.Done;
        });
        return command;
    }
}

using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Plans;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Access;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;

namespace Qm.Fleet.Controller.Api;

/// <content>What changes fleets.</content>
internal sealed partial class FleetApi
{
    private const string Kind = "fleet";

    /// <inheritdoc/>
    public override Task<V1.AppliedFleet> Create(V1.CreateFleetRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        var draft = Draft(request.Fleet);
        var found = Findings([draft.Spec])[0];
        return Task.FromResult(new Mutation<V1.AppliedFleet>(tx => FleetRows.Find(tx, draft.Spec.Name) is { } fleet
            ? throw Failures.Exists(Kind, fleet.Name, fleet.DeletingSince is null ? "Apply or update it, or take another name." : "It is being deleted; apply ends that.")
            : Applied(Apply(tx, draft, context.Caller()), found, request.DryRun)));
    });

    /// <inheritdoc/>
    public override Task<V1.ApplyFleetsResponse> Apply(V1.ApplyFleetsRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        var drafts = Drafts(request.Fleets, drafted => Unworkable(drafted, InList).Concat(Missing(drafted)));
        var findings = Findings([.. drafts.Select(static draft => draft.Spec)]);
        return Task.FromResult(new Mutation<V1.ApplyFleetsResponse>(tx =>
        {
            Generations.Check(
                Kind, request.Generations, [.. drafts.Select(static draft => draft.Spec.Name)], name => FleetRows.Find(tx, name) is { } fleet ? (fleet.Generation, fleet.ToWire(live)) : default);
            return new V1.ApplyFleetsResponse
            {
                Results = { drafts.Zip(findings, (draft, found) => Applied(Apply(tx, draft, context.Caller()), found, request.DryRun)) },
            };
        }));
    });

    /// <inheritdoc/>
    public override Task<V1.AppliedFleet> Update(V1.UpdateFleetRequest request, ServerCallContext context) => mutations.RunAsync(request, context, tx =>
    {
        var sent = request.Fleet ?? throw Failures.Invalid(Kind, "it is missing");
        var ways = UpdateMasks.Read(request.UpdateMask, sent);
        var name = sent.Metadata?.Name ?? "";
        var before = FleetRows.Find(tx, name) ?? throw Failures.NotFound(Kind, name);
        Generations.Check(Kind, name, request.Generation, before.Generation, () => before.ToWire(live));
        // What is left as it is, is so in the words it was applied with.
        var wanted = new V1.Fleet { Metadata = new V1.Metadata { Name = name, Labels = { before.Labels.ToDictionary() } }, Spec = before.Wire.Clone() };
        UpdateMasks.Apply(ways, sent, wanted);
        var draft = Draft(wanted);
        return Applied(Apply(tx, draft, context.Caller()), Findings([draft.Spec])[0], request.DryRun);
    });

    /// <inheritdoc/>
    public override Task<V1.Fleet> Delete(V1.DeleteFleetRequest request, ServerCallContext context) => mutations.RunAsync(request, context, tx =>
    {
        OnDelete? onDelete = request.OnDelete switch
        {
            "" => null,
            "remove" => OnDelete.Remove,
            "orphan" => OnDelete.Orphan,
            var other => throw Failures.Invalid("on_delete", $"\"{other}\" is neither remove nor orphan"),
        };
        var fleet = FleetRows.Find(tx, request.Name) ?? throw Failures.NotFound(Kind, request.Name);
        Generations.Check(Kind, request.Name, request.Generation, fleet.Generation, () => fleet.ToWire(live));
        return FleetStore.Delete(tx, fleet, onDelete, context.Caller().Actor).ToWire(live);
    });

    // Whoever may change a fleet does not thereby get every node: those it selects have to be theirs to select, as they are now.
    private AppliedFleet Apply(WriteTransaction tx, FleetDraft draft, CallerIdentity caller)
    {
        const string verb = "select";
        if (access.Refusal(caller, verb, AccessResource.Nodes, []) is not null
            && NodeStore.After(tx, "", int.MaxValue).Where(node => draft.Spec.Selector.Matches(node.Labels)).Select(static node => new AccessTarget(Node: node.Name)).ToList() is { Count: > 0 } selected
            && access.Refusal(caller, verb, AccessResource.Nodes, selected) is { } refusal)
        {
            // A scope of fleets holds what is in them already, so it never reaches a node that is to come in.
            throw Failures.Make(
                Code.PermissionDenied, "FORBIDDEN",
                $"Fleet {draft.Spec.Name} cannot select all that its selector matches: {refusal} A role within a fleet reaches the nodes that are in it already; "
                + $"whoever may do so lets one reach others with a binding for {caller.Actor} that says --node or -l.");
        }
        return FleetStore.Apply(tx, draft, caller.Actor, "");
    }

    private FleetDraft Draft(V1.Fleet? fleet)
    {
        var spec = ApplyRequests.CheckOne(
            Kind, fleet, static fleet => fleet.Metadata?.Name ?? "", static fleet => Manifests.Parse(fleet.Metadata ?? new V1.Metadata(), fleet.Spec),
            drafted => Unworkable(drafted, static _ => Kind).Concat(Missing(drafted, static _ => Kind)));
        return new FleetDraft(spec, fleet!.Spec);
    }

    private V1.AppliedFleet Applied(AppliedFleet applied, IEnumerable<Finding> found, bool dryRun)
    {
        metrics.Applied(Kind, applied.Result, dryRun);
        return new V1.AppliedFleet
        {
            Fleet = applied.Fleet.ToWire(live),
            Result = applied.Result,
            Operation = dryRun ? null : applied.Begun?.ToOperation(),
            Findings = { found.Select(PlanWire.ToWire) },
        };
    }
}

using System.Collections.Immutable;
using System.Globalization;
using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Api.Watches;
using Qm.Fleet.Controller.Plans;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Telemetry;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed partial class FleetApi(
    FleetStore fleets, NodeStore nodes, FleetPlans plans, ArtifactStore artifacts, ILiveStatus live, WatchedResources<V1.Fleet> watched, WatchStreams streams, Mutations mutations, AccessDesk access, ControllerMetrics metrics)
    : V1.FleetService.FleetServiceBase
{
    private const int MaxFleets = 100;

    /// <inheritdoc/>
    public override async Task<V1.PlanFleetsResponse> Plan(V1.PlanFleetsRequest request, ServerCallContext context)
    {
        var drafts = Drafts(request.Fleets, Missing);
        var sites = nodes.Sites();
        var specs = request.Nodes.Count == 0 ? [] : ApplyRequests.Check(
            "nodes", NodeApi.MaxNodes, request.Nodes, static node => node.Metadata?.Name ?? "", node => NodeApi.Check(node, sites));
        var made = await plans.MakeAsync(specs, drafts, context.Caller().Actor, context.CancellationToken).ConfigureAwait(false);
        return new V1.PlanFleetsResponse { Plans = { made.Select(static plan => plan.Plan.ToWire(plan.After.Fleet.Spec, plan.After.Result)) } };
    }

    /// <inheritdoc/>
    public override Task<V1.Fleet> Get(V1.GetFleetRequest request, ServerCallContext context)
    {
        var mask = ReadMask.Check(V1.Fleet.Descriptor, request.ReadMask);
        return Task.FromResult(mask.Apply(fleets.Find(request.Name)?.ToWire(live) ?? throw Failures.NotFound("fleet", request.Name)));
    }

    /// <inheritdoc/>
    public override Task<V1.ListFleetsResponse> List(V1.ListFleetsRequest request, ServerCallContext context)
    {
        var page = ListQuery<V1.Fleet>.Read(new(request.PageSize, request.PageToken)
        {
            Selector = request.Selector,
            FieldSelector = request.FieldSelector,
            OrderBy = request.OrderBy,
            ReadMask = request.ReadMask,
        }, context.View().Sees).ByName(fleets.After, static fleet => fleet.Name, static fleet => fleet.Labels, fleet => fleet.ToWire(live));
        return Task.FromResult(new V1.ListFleetsResponse { Fleets = { page.Items }, NextPageToken = page.Next });
    }

    /// <inheritdoc/>
    public override async Task Watch(
        V1.WatchFleetsRequest request, IServerStreamWriter<V1.FleetChange> responseStream, ServerCallContext context)
    {
        var view = context.View();
        using var end = streams.Link(context);
        await watched.WatchAsync(
            WatchFilter<V1.Fleet>.Read(request.Selector, request.FieldSelector, static fleet => fleet.Metadata, view.Sees, () => view.IsEverything), request.ResumeToken,
            (type, fleet, token, ct) => streams.SendAsync(
                responseStream, new V1.FleetChange { Type = type, Fleet = fleet, ResumeToken = token }, ResourceWatch<V1.Fleet>.GoOn, ct, token),
            end.Token).ConfigureAwait(false);
    }

    private static List<FleetDraft> Drafts(IReadOnlyList<V1.Fleet> asked, Func<IReadOnlyList<(int Index, FleetSpec Draft)>, IEnumerable<Problem>>? further) =>
    [
        .. ApplyRequests.Check(
            "fleets", MaxFleets, asked, static fleet => fleet.Metadata?.Name ?? "",
            static fleet => Manifests.Parse(fleet.Metadata ?? new V1.Metadata(), fleet.Spec), further)
            .Zip(asked, static (spec, fleet) => new FleetDraft(spec, fleet.Spec)),
    ];

    private static string InList(int index) => string.Create(CultureInfo.InvariantCulture, $"fleets[{index}]");

    // What cannot work on the nodes there are is refused, all of it at once.
    private IEnumerable<Problem> Unworkable(IReadOnlyList<(int Index, FleetSpec Draft)> drafts, Func<int, string> pathOf) =>
        drafts.Zip(Findings([.. drafts.Select(static draft => draft.Draft)]), (draft, findings) => findings.Where(static finding => finding.Severity == Severity.Error)
            .Select(finding => new Problem($"{pathOf(draft.Index)}.{finding.Path}", finding.Message, finding.Rule))).SelectMany(static problems => problems);

    private IEnumerable<Problem> Missing(IReadOnlyList<(int Index, FleetSpec Draft)> drafts) => Missing(drafts, InList);

    private IEnumerable<Problem> Missing(IReadOnlyList<(int Index, FleetSpec Draft)> drafts, Func<int, string> pathOf) =>
        from draft in drafts
        where draft.Draft.Environment.RootfsArchive is { IsOfController: true } archive && !artifacts.Has(archive.Sha256)
        select new Problem(
            $"{pathOf(draft.Index)}.spec.environment.rootfs.archive.sha256", ArtifactStore.Missing(draft.Draft.Environment.RootfsArchive!.Sha256));

    private List<ImmutableArray<Finding>> Findings(IReadOnlyList<FleetSpec> fleets)
    {
        var all = Pages.All("", nodes.After, static node => node.Name).Where(static node => !node.IsOut).ToList();
        var waiting = All("").ToDictionary(static fleet => fleet.Name, fleet => Waiting(fleet.Spec), StringComparer.Ordinal);
        foreach (var fleet in fleets)
        {
            waiting[fleet.Name] = Waiting(fleet);
        }
        return [.. fleets.Select(fleet => FleetRisks.Declared(fleet, Matching(fleet).ToDictionary(node => node.Name, node => node.Labels, StringComparer.Ordinal))
            .Concat(PreconditionCycles.Of(fleet.Name, waiting)).ToImmutableArray())];

        IEnumerable<StoredNode> Matching(FleetSpec fleet) => all.Where(node => fleet.Selector.Matches(node.Labels));

        FleetNodes Waiting(FleetSpec fleet) => new(fleet.Rollout, [.. Matching(fleet).Select(node => node.Name)]);
    }

    private IEnumerable<StoredFleet> All(string after) => Pages.All(after, fleets.After, static fleet => fleet.Name);
}

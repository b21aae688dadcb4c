using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Storage;

/// <summary>A fleet as stored.</summary>
/// <param name="Name">Unique among fleets.</param>
/// <param name="Uid">Unique for ever.</param>
/// <param name="Generation">Counts changes of spec and labels, from 1.</param>
/// <param name="Labels">Its own labels.</param>
/// <param name="Wire">The spec in the words it was applied with; not to be changed.</param>
/// <param name="Spec">The spec, checked.</param>
/// <param name="Revision">Name of the current revision.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="DeletingSince">Since when it is being deleted; null while it is wanted.</param>
/// <param name="Rollout">The newest rollout.</param>
internal sealed record StoredFleet(
    string Name, string Uid, long Generation, IReadOnlyDictionary<string, string> Labels, V1.FleetSpec Wire, FleetSpec Spec, string Revision,
    DateTimeOffset CreatedAt, DateTimeOffset? DeletingSince, StoredRollout? Rollout)
{
    /// <summary>Whether its labels match.</summary>
    public bool Matches(LabelSelector selector) => selector.Matches(Labels);
}

/// <summary>A node as stored.</summary>
/// <param name="Name">BlueChi's node name of the host.</param>
/// <param name="Uid">Unique for ever.</param>
/// <param name="Generation">Counts changes of spec and labels, from 1.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="Site">The site it belongs to.</param>
/// <param name="Cordoned">Whether it is to be left alone.</param>
/// <param name="CreatedAt">When it was made.</param>
internal sealed record StoredNode(
    string Name, string Uid, long Generation, IReadOnlyDictionary<string, string> Labels, string Site, bool Cordoned, DateTimeOffset CreatedAt)
{
    /// <summary>Whether people work on it: nothing on it is healed.</summary>
    public bool Maintenance { get; init; }

    /// <summary>What was decided about it for good; null for nothing.</summary>
    public NodeDecision? Decision { get; init; }

    /// <summary>That it is retired as soon as what QM Fleet brought is off it; null when it is not.</summary>
    public NodeRemoval? Removal { get; init; }

    /// <summary>Whether it is of no fleet, whatever its labels: it was retired, or is about to be.</summary>
    public bool IsOut => IsRetired || Removal is not null;

    /// <summary>Whether it is none of ours any more.</summary>
    public bool IsRetired => Decision is { Standing: Standing.Retired };
}

/// <summary>A revision as stored.</summary>
/// <param name="Fleet">The fleet it was made for.</param>
/// <param name="Number">Counts from 1 within the fleet's name.</param>
/// <param name="Name">The first digits of its hash: 8, or more where 8 would name two.</param>
/// <param name="Uid">Its hash, 64 hex digits.</param>
/// <param name="Environment">The environment in the words it was first applied with.</param>
/// <param name="CreatedAt">When it was first applied.</param>
internal sealed record StoredRevision(string Fleet, long Number, string Name, string Uid, V1.Environment Environment, DateTimeOffset CreatedAt);

/// <summary>A fleet someone wants, checked.</summary>
/// <param name="Spec">The checked spec, name and labels included.</param>
/// <param name="Wire">The same in the words it came with.</param>
internal sealed record FleetDraft(FleetSpec Spec, V1.FleetSpec Wire);

/// <summary>What an apply did to one fleet.</summary>
/// <param name="Fleet">As it stands now.</param>
/// <param name="Result">What was done.</param>
/// <param name="Begun">The rollout that began; null when none did.</param>
internal sealed record AppliedFleet(StoredFleet Fleet, V1.ApplyResult Result, StoredRollout? Begun);

/// <summary>What an apply did to one node.</summary>
internal sealed record AppliedNode(StoredNode Node, V1.ApplyResult Result);

/// <summary>What would be if fleets were applied.</summary>
/// <param name="Before">Each as it is; null where it is new.</param>
/// <param name="After">Each as it would be.</param>
/// <param name="Desired">Everything that would then be wanted.</param>
internal sealed record FleetPreview(IReadOnlyList<StoredFleet?> Before, IReadOnlyList<AppliedFleet> After, DesiredState Desired);

using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Core.Tests.Rollouts;

/// <summary>One node of a modelled fleet: what it was told, what it has, and whether it is up.</summary>
internal sealed class ModelMember
{
    private NodeTarget _target;
    private bool _ready = true;

    internal Dictionary<string, string> Labels { get; } = [];

    internal string Revision { get; set; } = ModelFleet.Old;

    internal string Staged { get; private set; } = "";

    internal bool IsUp { get; set; } = true;

    /// <summary>Whether it never gets to stage anything.</summary>
    internal bool IsSlow { get; set; }

    /// <summary>What is seen of it, when that is not whether it is up.</summary>
    internal Availability? Seen { get; set; }

    internal bool Cordoned { get; set; }

    /// <summary>A revision that cannot be had here, and why.</summary>
    internal (string Revision, string Reason)? Bad { get; set; }

    internal string? Fault { get; set; }

    internal HealthMark Health { get; set; } = HealthMark.None;

    internal double? Pressure { get; set; }

    internal UnmetPrecondition? Blocked { get; set; }

    /// <summary>Whether it is not touched when its turn comes, because what let it begin is so no longer.</summary>
    internal bool Postpones { get; set; }

    private bool CanBeReached => Seen is null or >= Availability.Down;

    private string? Failed => Bad is { } bad && bad.Revision == _target.Revision && Revision == bad.Revision ? bad.Reason : null;

    internal RolloutNode View() => new()
    {
        Labels = Labels,
        Cordoned = Cordoned,
        Availability = Seen ?? (IsUp ? Availability.Serving : Availability.Down),
        Target = _target.Revision ?? "",
        Progress = Failed is not null ? NodeProgress.Failed : _ready && IsUp && Revision == _target.Revision ? NodeProgress.Ready : NodeProgress.Working,
        Reason = Failed ?? "on its way",
        IsKnown = Seen != Availability.Unheard,
        Revision = Seen == Availability.Unheard ? "" : Revision,
        Staged = Staged,
        Fault = Fault,
        Health = Health,
        Pressure = Pressure,
        Blocked = Blocked,
        Postponed = Postpones && _target.MayMove && Revision != _target.Revision,
    };

    /// <inheritdoc/>
    public override string ToString() => $"(has {Revision}, told {_target}, up {IsUp}, seen {Seen})";

    internal void Told(NodeTarget target)
    {
        if (CanBeReached && !Cordoned)
        {
            _target = target;
        }
    }

    /// <summary>Does the next thing; false when there is nothing to do.</summary>
    internal bool Work()
    {
        if (!CanBeReached || Cordoned || string.IsNullOrEmpty(_target.Revision))
        {
            return false;
        }

        if (_target.Revision != Revision && !_target.MayMove)
        {
            if (IsSlow)
            {
                return false;
            }

            var isNew = Staged != _target.Revision;
            Staged = _target.Revision;
            return isNew;
        }

        if (_target.Revision != Revision && Postpones)
        {
            return false;
        }

        if (_target.Revision != Revision)
        {
            (Revision, Staged, _ready, IsUp) = (_target.Revision, "", false, false);
            return true;
        }

        if (Failed is not null || (_ready && IsUp))
        {
            return false;
        }

        (_ready, IsUp) = (true, true);
        return true;
    }
}

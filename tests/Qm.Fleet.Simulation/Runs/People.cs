using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Simulation.Runs;

/// <summary>What people ask for; each is acknowledged at once, and holds from then on.</summary>
internal sealed class People(World world)
{
    private int _revisions;

    /// <summary>Draws what is asked for and when; the first apply comes soon.</summary>
    internal void Plan()
    {
        world.Time.After(world.Random.Milliseconds(100, 4_000), () => ApplyNew(isGood: world.Random.Chance(85)));
        for (var decision = 0; decision < world.Setup.Decisions; decision++)
        {
            var isOnTheWay = world.Random.Chance(40);
            world.Time.After(world.Random.Milliseconds(30_000, (int)world.Setup.FaultsFor.TotalMilliseconds), isOnTheWay ? () => world.AskedOnTheWay = Decide : Decide);
        }
    }

    /// <summary>Everything that holds the fleet up is taken away, and a revision is applied that is good.</summary>
    internal string Settle(int broken)
    {
        foreach (var node in world.Nodes)
        {
            Save(node.Name, cordoned: false, on: true);
            Release(node.Name);
        }

        // Some are through with it, if anything is left to be taken away.
        var policy = world.Setup.Plain() with { MaxUnavailable = new(broken + 1, false) };
        // One by one from those that can be reached; a batch that only a broken node can fill waits for it.
        policy = policy with { Batches = [new(null, Amount.All)] };
        if (world.Random.Chance(20) && world.Store.Rollout is not null)
        {
            world.Store.Policy = policy;
            Delete();
            Change("resume", RolloutVerbs.Resume);
            return Removal.Revision;
        }

        return Apply(New(isGood: true), policy);
    }

    /// <summary>What failed for what was broken before is tried again.</summary>
    internal void Retry()
    {
        foreach (var node in world.Nodes)
        {
            Release(node.Name);
        }

        // A failure that a resume took note of pauses nothing any more, and is still nobody else's to try again.
        if (world.Store.Rollout is { Phase: RolloutPhase.Paused }
            || world.Store.Rollout is { Phase: RolloutPhase.Progressing } rollout && rollout.State.Members.Values.Any(static member => member.State is MemberState.Returned or MemberState.Stuck))
        {
            world.Referee.Retried();
            Change("retry", state => RolloutVerbs.Retry(state, [], world.Time.GetUtcNow()));
        }
    }

    private void Decide()
    {
        if (world.IsSettling || world.Store.Rollout is not { } rollout)
        {
            return;
        }

        var now = world.Time.GetUtcNow();
        switch (world.Random.Below(16))
        {
            case 15 when world.Store.Healed.FirstOrDefault(healed => healed.Value.Quarantine is not null) is { Key: { } quarantined }:
                Release(quarantined);
                break;
            case 0 or 1 or 2:
                ApplyNew(isGood: world.Random.Chance(50));
                break;
            case 3 or 4:
                Apply(world.Random.Of(world.Referee.FailedRevisions is { Length: > 0 } failed && world.Random.Chance(80) ? failed : [.. world.Revisions.Keys.Where(name => name != Removal.Revision).Order(StringComparer.Ordinal)]), world.Setup.Policy(now));
                break;
            case 5:
                Change("pause", state => RolloutVerbs.Pause(state, "anna", "", now));
                break;
            case 6:
                Change("resume", RolloutVerbs.Resume);
                break;
            case 7:
                Change("abort", state => RolloutVerbs.Abort(state, "anna", ""));
                break;
            case 8:
                world.Referee.Retried();
                Change("retry", state => RolloutVerbs.Retry(state, [], now));
                break;
            case 9 or 10 or 11 when world.Referee.FailedRevisions is { Length: > 0 } bad:
                // The good one in between, and then once more what did not work.
                ApplyNew(isGood: true);
                world.Time.After(world.Random.Milliseconds(30_000, 150_000), () => Again(world.Random.Of(bad)));
                break;
            case 13:
                Delete();
                break;
            case 12:
                var cordoned = world.Random.Of(world.Nodes).Name;
                Save(cordoned, cordoned: !world.Store.Nodes[cordoned].Cordoned, on: true);
                break;
            default:
                Save(world.Random.Of(world.Nodes).Name, cordoned: false, on: world.Random.Chance(60));
                break;
        }
    }

    private void Again(string revision)
    {
        if (!world.IsSettling)
        {
            Apply(revision, world.Setup.Policy(world.Time.GetUtcNow()));
        }
    }

    private void Release(string name)
    {
        if (world.Store.Healed.GetValueOrDefault(name) is { Quarantine: not null })
        {
            world.Trace.Add($"{name}: released");
            world.Store.Healed[name] = NodeSupervision.New;
            world.Referee.Healing.Released(name);
            world.Controller?.Healing.Decided(name, null);
            Asked();
        }
    }

    private void ApplyNew(bool isGood) => Apply(New(isGood), world.Setup.Policy(world.Time.GetUtcNow()));

    private string New(bool isGood)
    {
        var name = $"r{++_revisions}";
        world.Revisions[name] = world.Setup.Revision(name, isGood);
        return name;
    }

    private string Apply(string revision, RolloutPolicy policy)
    {
        world.Trace.Add($"apply {revision} ({world.Revisions[revision].Flaw}): {policy.Pace}, {string.Join(", ", policy.Batches)}{string.Concat(policy.Windows.Select(window => $", {window}"))}");
        world.Store.Supervision = world.Setup.Supervision();
        world.Store.Apply(revision, policy);
        Asked();
        return revision;
    }

    private void Delete()
    {
        world.Trace.Add($"delete: {(world.Store.Delete() ? "done" : "cannot be")}");
        Asked();
    }

    private void Change(string verb, Func<RolloutState, RolloutState?> change)
    {
        world.Trace.Add($"{verb}: {(world.Store.Change(change) ? "done" : "cannot be")}");
        Asked();
    }

    private void Save(string name, bool cordoned, bool on)
    {
        var before = world.Store.Nodes[name];
        var labels = new Dictionary<string, string>(before.Labels, StringComparer.Ordinal) { ["on"] = on ? "yes" : "no" };
        if (before.Cordoned == cordoned && before.Labels["on"] == labels["on"])
        {
            return;
        }

        world.Trace.Add($"{name}: cordoned {cordoned}, on {on}");
        world.Store.Save(before with { Labels = labels, Cordoned = cordoned });
        Asked();
    }

    private void Asked()
    {
        world.Referee.Asked();
        world.Controller?.Feed.Publish(ResourceKind.Desired, "cockpit");
    }
}

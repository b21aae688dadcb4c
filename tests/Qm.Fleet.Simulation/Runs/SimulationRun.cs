using System.Globalization;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Simulation.Models;
using Qm.Fleet.Simulation.Mutations;

namespace Qm.Fleet.Simulation.Runs;

/// <summary>How a run ended.</summary>
/// <param name="Seed">What decided everything.</param>
/// <param name="Steps">How many continuations ran and timers struck.</param>
/// <param name="Hash">Of everything that could be observed.</param>
/// <param name="Problem">The rule that was broken, or why it did not settle; null when all is well.</param>
/// <param name="Last">What happened last.</param>
internal sealed record Outcome(ulong Seed, long Steps, ulong Hash, string? Problem, IReadOnlyCollection<string> Last)
{
    /// <summary>The command that does it all again.</summary>
    internal string Replay => string.Create(CultureInfo.InvariantCulture, $"dotnet run --project tests/Qm.Fleet.Simulation -- replay {Seed} --trace");
}

/// <summary>One run: things break and people decide; then all but a few nodes are mended, and everything must settle; then a new controller must find nothing to do.</summary>
internal static class SimulationRun
{
    private static readonly TimeSpan SettlesWithin = TimeSpan.FromHours(3);
    private static readonly TimeSpan PeopleLookEvery = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan QuietFor = TimeSpan.FromMinutes(5);

    /// <summary>Runs one seed to its end, or to the first rule that is broken.</summary>
    /// <param name="seed">Decides everything.</param>
    /// <param name="bug">A bug to be planted.</param>
    /// <param name="text">Where everything that happens is written; null for nowhere.</param>
    internal static Outcome Of(ulong seed, Bug bug = Bug.None, TextWriter? text = null)
    {
        var before = SynchronizationContext.Current;
        var world = new World(seed, bug, text);
        SynchronizationContext.SetSynchronizationContext(world.Pump);
        try
        {
            var problem = Play(world);
            return new(seed, world.Pump.Steps, world.Trace.Hash, problem, world.Trace.Last);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private static string? Play(World world)
    {
        var (faults, people) = (new Faults(world), new People(world));
        world.StartController();
        people.Plan();
        faults.Plan();
        if (Go(world, world.Setup.FaultsFor, static () => false) is { } problem)
        {
            return problem;
        }

        world.IsSettling = true;
        var broken = world.Nodes.Where(_ => world.Random.Chance(15)).Take(world.Nodes.Count - 1).ToArray();
        faults.Mend(broken);
        var core = world.Nodes.Except(broken).ToArray();
        var revision = people.Settle(broken.Length);
        for (var waited = TimeSpan.Zero; waited < SettlesWithin && !core.All(node => HasSettled(world, node, revision)); waited += PeopleLookEvery)
        {
            people.Retry();
            if (Go(world, PeopleLookEvery, () => core.All(node => HasSettled(world, node, revision))) is { } trouble)
            {
                return trouble;
            }
        }

        if (core.FirstOrDefault(node => !HasSettled(world, node, revision)) is { } late)
        {
            return $"{late.Name} has not settled within {SettlesWithin.TotalHours} h: it has {late.Agent.Revision}{(late.Agent.IsConfirmed ? "" : ", not confirmed")}, QM is {late.Qm.ActiveState}; "
                + $"{world.Controller?.Live.Find(late.Name)?.Step}; {world.Store.Rollout?.Message}";
        }

        // What is under way may come to its end first.
        if (Go(world, TimeSpan.FromMinutes(3), static () => false) is { } after)
        {
            return after;
        }

        world.Referee.Quiet.UnionWith(core.Select(node => node.Name));
        world.KillController("to see that the next one is quiet", TimeSpan.FromSeconds(1));
        return Go(world, QuietFor, static () => false);
    }

    private static bool HasSettled(World world, SimulatedNode node, string revision) =>
        node.Agent.Revision == revision && node.Agent.IsConfirmed
        && (node.IsServing || revision == Removal.Revision) && node.LoadedBrakeScore == node.BrakeScore
        && ((revision == Removal.Revision && world.Store.Rollout is null) || world.Store.Rollout?.State.Members.GetValueOrDefault(node.Name) is { State: MemberState.Done });

    private static string? Go(World world, TimeSpan span, Func<bool> until)
    {
        var end = world.Time.Elapsed + span;
        var looked = world.Time.Elapsed;
        while (world.Time.Elapsed < end)
        {
            if (!world.Pump.Next())
            {
                return "nothing is left to happen";
            }

            world.Referee.Look();
            if (world.Referee.Broken is { } rule)
            {
                return rule;
            }

            if (world.Controller?.Fault is { } fault)
            {
                return $"the controller ended: {fault}";
            }

            if (world.Time.Elapsed != looked)
            {
                looked = world.Time.Elapsed;
                if (until())
                {
                    return null;
                }
            }
        }

        return null;
    }
}

using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Selectors;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.Simulation.Engine;
using Qm.Fleet.Simulation.Models;

namespace Qm.Fleet.Simulation.Runs;

/// <summary>What a seed decides before the first step.</summary>
internal sealed class Setup
{
    private static readonly string[] Zones = ["Europe/Berlin", "America/New_York", "UTC"];
    private readonly Randomness _random;

    internal Setup(Randomness random)
    {
        _random = random;
        Nodes = random.Chance(90) ? random.Between(1, 6) : random.Between(7, 14);
        FaultsFor = TimeSpan.FromMinutes(random.Between(4, 15));
        Faults = random.Chance(10) ? 0 : random.Between(1, 14);
        Decisions = random.Between(0, 8);
        LostSignals = random.Chance(40) ? 0 : random.Between(1, 40);
        LostJobs = random.Chance(50) ? 0 : random.Between(1, 30);
        FreezesAtJob = random.Chance(70) ? 0 : random.Between(5, 30);
        // Days around which clocks are put forward and back are as likely as all others together.
        Start = new DateTimeOffset(2026, random.Chance(50) ? 7 : random.Chance(50) ? 3 : 10, 1, random.Below(24), random.Below(60), 0, TimeSpan.Zero).AddDays(random.Chance(50) ? random.Below(28) : 24);
    }

    internal DateTimeOffset Start { get; }

    internal int Nodes { get; }

    /// <summary>How long things break.</summary>
    internal TimeSpan FaultsFor { get; }

    /// <summary>How many things break.</summary>
    internal int Faults { get; }

    /// <summary>How often people decide something.</summary>
    internal int Decisions { get; }

    /// <summary>Percent of BlueChi's signals that are lost; as many are late, and as many come twice.</summary>
    internal int LostSignals { get; set; }

    /// <summary>Percent of jobs whose end is never told.</summary>
    internal int LostJobs { get; set; }

    /// <summary>Percent of jobs at which the node's bluechi-agent comes to stand still.</summary>
    internal int FreezesAtJob { get; set; }

    internal SimulatedRevision Revision(string name, bool isGood) => SimulatedRevision.Draw(name, isGood, _random);

    /// <summary>A policy as people write them, with everything there is.</summary>
    internal RolloutPolicy Policy(DateTimeOffset now) => Plain() with
    {
        OnFailure = (OnFailure)_random.Below(3),
        SuccessThreshold = _random.Chance(70) ? 100 : _random.Between(40, 90),
        MaxUnavailable = _random.Chance(70) ? new(_random.Between(1, 3), false) : new(_random.Between(20, 60), true),
        BudgetPer = _random.Chance(30) ? "vehicle" : "",
        MaxRestarts = _random.Below(3),
        Windows = _random.Chance(45) ? [Window(now)] : [],
        Preconditions = _random.Chance(30) ? [new(_random.Chance(50) ? "" : "ecu1", SimulatedNode.Parked, "active")] : [],
    };

    /// <summary>A policy that holds nothing up for ever.</summary>
    internal RolloutPolicy Plain() => RolloutPolicy.Default with
    {
        Batches = _random.Below(4) switch
        {
            0 => [new(null, new(1, false)), new(null, Amount.All)],
            1 => [new(Canary, Amount.All), new(null, new(50, true)), new(null, Amount.All)],
            2 => [new(null, new(30, true)), new(null, new(60, true)), new(null, Amount.All)],
            _ => [new(null, Amount.All)],
        },
        Soak = TimeSpan.FromSeconds(_random.Chance(30) ? 0 : _random.Between(5, 120)),
        Deadline = TimeSpan.FromMinutes(_random.Between(2, 10)),
    };

    /// <summary>How nodes are healed, with budgets small enough to be used up.</summary>
    internal SupervisionPolicy Supervision() => SupervisionPolicy.Default with
    {
        Restart = new(
            TimeSpan.FromMilliseconds(_random.Between(100, 3_000)), TimeSpan.FromSeconds(_random.Between(5, 60)), _random.Between(1, 3), _random.Between(0, 30),
            new(_random.Between(1, 4), TimeSpan.FromSeconds(_random.Between(60, 400))), TimeSpan.FromSeconds(_random.Between(30, 300))),
        QmBudget = new(_random.Between(1, 2), TimeSpan.FromSeconds(_random.Between(120, 600))),
        FleetBudget = new(_random.Between(3, 8), TimeSpan.FromSeconds(_random.Between(60, 400))),
        Correlated = new(_random.Between(30, 80), true),
        Within = TimeSpan.FromSeconds(_random.Between(10, 90)),
        Steps = _random.Below(4) switch
        {
            0 => [Escalation.RestartUnit],
            1 => [Escalation.RestartUnit, Escalation.RestartQm],
            2 => [Escalation.RestartUnit, Escalation.RestartQm, Escalation.Quarantine],
            _ => SupervisionPolicy.Default.Steps,
        },
    };

    private static LabelSelector Canary { get; } = Parse("canary=yes");

    internal static LabelSelector Parse(string text) => LabelSelector.TryParse(text, out var selector, out var problems) ? selector : throw new ArgumentException(string.Join("; ", problems), nameof(text));

    // Is open, or was, or will be: for some of them the whole run is outside.
    private MaintenanceWindow Window(DateTimeOffset now)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(_random.Of(Zones));
        var from = TimeOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, zone).DateTime).AddMinutes(_random.Between(_random.Chance(50) ? -100 : -10, 15));
        from = new(from.Hour, from.Minute);
        return new([.. Enum.GetValues<DayOfWeek>()], from, from.AddMinutes(_random.Between(4, _random.Chance(50) ? 100 : 20)), zone);
    }
}

using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Core.LoadShedding;

/// <summary>What QM uses, as last heard.</summary>
/// <param name="Pressure">Percent of the last ten seconds that some task waited, by what for; absent where the kernel does not tell.</param>
/// <param name="MemoryEvents">Counters of memory.events.</param>
public sealed record PressureSample(ImmutableSortedDictionary<PressureKind, double> Pressure, ImmutableSortedDictionary<string, long> MemoryEvents);

/// <summary>How far one rule is.</summary>
/// <param name="ActiveSince">Since when its load is shed; null when it is not.</param>
/// <param name="HighSince">Since when there was too much pressure without a break; null when there is not.</param>
/// <param name="CalmSince">Since when it is calm without a break; null when it is not.</param>
/// <param name="Counted">What the counter said, and when, as long as that counts.</param>
public sealed record SheddingState(DateTimeOffset? ActiveSince, DateTimeOffset? HighSince, DateTimeOffset? CalmSince, ImmutableArray<(DateTimeOffset At, long Count)> Counted)
{
    /// <summary>Nothing was seen yet.</summary>
    public static SheddingState New { get; } = new(null, null, null, []);
}

/// <summary>What of a node's load is shed now.</summary>
/// <param name="States">How far each rule is, by name.</param>
/// <param name="Notices">What happened.</param>
public sealed record SheddingVerdict(ImmutableSortedDictionary<string, SheddingState> States, ImmutableArray<SupervisionNotice> Notices);

/// <summary>Decides what load of a node is shed while its QM is under pressure, and when it is taken up again.</summary>
/// <remarks>What is shed is not stored, but for what was frozen: a controller that starts anew takes the load up, and sheds it again if the pressure lasts.</remarks>
public static class LoadShedder
{
    private const string ServiceSuffix = ".service";

    // More samples than come within the longest window are not worth more.
    private const int CountedMax = 512;

    /// <summary>Nothing is shed.</summary>
    public static ImmutableSortedDictionary<string, SheddingState> None { get; } = ImmutableSortedDictionary.Create<string, SheddingState>(StringComparer.Ordinal);

    /// <summary>Judges a node.</summary>
    /// <param name="rules">Of its fleet.</param>
    /// <param name="states">How far each rule was.</param>
    /// <param name="sample">What QM uses; null when it is not known, which changes nothing.</param>
    /// <param name="now">The time.</param>
    public static SheddingVerdict Judge(ImmutableArray<SheddingRule> rules, ImmutableSortedDictionary<string, SheddingState> states, PressureSample? sample, DateTimeOffset now)
    {
        var notices = ImmutableArray.CreateBuilder<SupervisionNotice>();
        var after = None.ToBuilder();
        foreach (var rule in rules)
        {
            var before = states.GetValueOrDefault(rule.Name, SheddingState.New);
            var state = sample is null ? before : rule.When switch
            {
                SheddingTrigger.Pressure pressure => ByPressure(rule, pressure, before, sample, now),
                SheddingTrigger.Events events => ByEvents(rule, events, before, sample, now),
                _ => throw new ArgumentOutOfRangeException(nameof(rules), rule.When, "a trigger that nobody reads"),
            };
            after[rule.Name] = state;
            if (before.ActiveSince is null && state.ActiveSince is not null)
            {
                notices.Add(new("LoadShed", NoticeSeverity.Warning, QmNode.Unit, $"{rule.Name}: {rule.When}; {What(rule)} until it has been calm for {Durations.Text(rule.CalmFor)}"));
            }
            else if (before.ActiveSince is { } since && state.ActiveSince is null)
            {
                notices.Add(new("LoadRestored", NoticeSeverity.Info, QmNode.Unit, string.Create(CultureInfo.InvariantCulture, $"{rule.Name}: calm for {Durations.Text(rule.CalmFor)}, after {(now - since).TotalSeconds:0} s")));
            }
        }

        // A rule that is gone, or that no longer applies, sheds nothing.
        foreach (var (name, gone) in states.Where(state => state.Value.ActiveSince is not null && !after.ContainsKey(state.Key)))
        {
            notices.Add(new("LoadRestored", NoticeSeverity.Info, QmNode.Unit, string.Create(CultureInfo.InvariantCulture, $"{name}: the rule holds no more for this node, after {(now - gone.ActiveSince!.Value).TotalSeconds:0} s")));
        }

        return new(states.Count == after.Count && after.All(state => states.GetValueOrDefault(state.Key) == state.Value) ? states : after.ToImmutable(), notices.ToImmutable());
    }

    /// <summary>The rules whose load is shed.</summary>
    public static IEnumerable<SheddingRule> Active(ImmutableArray<SheddingRule> rules, ImmutableSortedDictionary<string, SheddingState> states) =>
        rules.Where(rule => states.GetValueOrDefault(rule.Name) is { ActiveSince: not null });

    /// <summary>When something changes by itself, if what QM uses stays as it is; null when nothing does.</summary>
    /// <param name="rules">Of the node's fleet.</param>
    /// <param name="states">How far each rule is.</param>
    /// <param name="now">The time.</param>
    public static DateTimeOffset? Wake(ImmutableArray<SheddingRule> rules, ImmutableSortedDictionary<string, SheddingState> states, DateTimeOffset now)
    {
        DateTimeOffset? wake = null;
        foreach (var rule in rules)
        {
            var at = (states.GetValueOrDefault(rule.Name), rule.When) switch
            {
                ({ ActiveSince: not null, CalmSince: { } calm }, _) => calm + rule.CalmFor,
                ({ ActiveSince: null, HighSince: { } high }, SheddingTrigger.Pressure pressure) => high + pressure.For,
                _ => (DateTimeOffset?)null,
            };
            wake = at > now && (wake is null || at < wake) ? at : wake;
        }

        return wake;
    }

    /// <summary>A revision with the limits that hold now; its files stay as they are.</summary>
    public static RenderedRevision Overlay(RenderedRevision desired, IEnumerable<SheddingRule> active)
    {
        var limits = active.SelectMany(static rule => rule.Limits).Where(limit => desired.Environment.Resources.ContainsKey(limit.Key)).ToArray();
        return limits.Length == 0 ? desired : desired with { Environment = desired.Environment with { Resources = desired.Environment.Resources.SetItems(limits) } };
    }

    /// <summary>The next workload to freeze or thaw, and those that are frozen by us then, to be stored before it is done.</summary>
    /// <param name="units">Units inside QM, as they were read.</param>
    /// <param name="active">The rules whose load is shed.</param>
    /// <param name="frozen">Units that were frozen by us. What else is frozen, somebody else did, whatever a rule says of it.</param>
    /// <returns>No act when each is as it shall be.</returns>
    public static (NodeStep.Act? Act, ImmutableSortedSet<string> Frozen) Next(
        IReadOnlyDictionary<string, UnitReading> units, IReadOnlyCollection<SheddingRule> active, ImmutableSortedSet<string> frozen)
    {
        var shed = active.SelectMany(static rule => rule.Freeze.Select(workload => (Unit: workload + ServiceSuffix, rule.Name))).ToLookup(static one => one.Unit, static one => one.Name, StringComparer.Ordinal);
        var ours = frozen.Except(frozen.Where(unit => !shed.Contains(unit) && units.TryGetValue(unit, out var reading) && !reading.IsFrozen));
        foreach (var (unit, reading) in units)
        {
            if (shed[unit].FirstOrDefault() is { } rule && !reading.IsFrozen && reading.IsSettledActive)
            {
                return (new NodeStep.Freeze(unit, $"rule {rule} sheds its load"), ours.Add(unit));
            }

            if (!shed.Contains(unit) && reading.IsFrozen && ours.Contains(unit))
            {
                return (new NodeStep.Thaw(unit, "no rule sheds its load any more"), ours);
            }
        }

        return (null, ours);
    }

    private static SheddingState ByPressure(SheddingRule rule, SheddingTrigger.Pressure pressure, SheddingState before, PressureSample sample, DateTimeOffset now)
    {
        if (!sample.Pressure.TryGetValue(pressure.Kind, out var percent))
        {
            return before;
        }

        var state = before with
        {
            HighSince = percent > pressure.Above ? before.HighSince ?? now : null,
            CalmSince = percent < pressure.Below ? before.CalmSince ?? now : null,
        };
        return Turn(rule, state, state.HighSince is { } high && now - high >= pressure.For, now);
    }

    private static SheddingState ByEvents(SheddingRule rule, SheddingTrigger.Events events, SheddingState before, PressureSample sample, DateTimeOffset now)
    {
        var count = sample.MemoryEvents.GetValueOrDefault(events.Name);
        var last = before.Counted.IsEmpty ? count : before.Counted[^1].Count;
        // Counters begin anew with QM.
        var counted = count < last ? [] : before.Counted.Where(one => one.At > now - events.Above.Window).TakeLast(CountedMax - 1);
        ImmutableArray<(DateTimeOffset At, long Count)> known = [.. counted, (now, count)];
        var state = before with { Counted = known, CalmSince = count == last ? before.CalmSince ?? now : null };
        return Turn(rule, state, known[^1].Count - known[0].Count > events.Above.Count, now);
    }

    private static SheddingState Turn(SheddingRule rule, SheddingState state, bool isTooMuch, DateTimeOffset now) => state switch
    {
        { ActiveSince: null } when isTooMuch => state with { ActiveSince = now, CalmSince = null },
        { ActiveSince: not null, CalmSince: { } calm } when now - calm >= rule.CalmFor => state with { ActiveSince = null, HighSince = null, Counted = [] },
        _ => state,
    };

    private static string What(SheddingRule rule) => string.Join(", ",
    [
        .. rule.Freeze.IsEmpty ? [] : (string[])[$"frozen are {string.Join(", ", rule.Freeze)}"],
        .. rule.Limits.Select(static limit => $"{limit.Key} is {limit.Value}"),
    ]);
}

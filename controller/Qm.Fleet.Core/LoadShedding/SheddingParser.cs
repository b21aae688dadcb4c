using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Selectors;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Core.LoadShedding;

/// <summary>Checks rules of load shedding.</summary>
internal static class SheddingParser
{
    private const string Path = "spec.supervision.loadShedding";
    private const int MaxRules = 16;

    // Usage comes every few seconds; what is shorter than that is not seen.
    private static readonly TimeSpan ShortestCalm = TimeSpan.FromSeconds(5);
    private static readonly string[] Events = ["low", "high", "max", "oom", "oom_kill"];

    /// <summary>Checks rules; all problems at once.</summary>
    /// <param name="declared">As they were received.</param>
    /// <param name="environment">What the nodes run: only what it has can be frozen, and only what it limits has a way back.</param>
    /// <param name="problems">Takes what is found.</param>
    internal static ImmutableArray<SheddingRule> Parse(IReadOnlyList<SheddingManifest> declared, FleetEnvironment environment, ProblemList problems)
    {
        problems.Check(Path, declared.Count > MaxRules ? $"{declared.Count} rules are more than {MaxRules}" : null);
        var rules = ImmutableArray.CreateBuilder<SheddingRule>();
        for (var index = 0; index < declared.Count; index++)
        {
            var (manifest, at) = (declared[index], $"{Path}[{index}]");
            problems.Check($"{at}.name", Labels.IsName(manifest.Name, out var problem) ? declared.Take(index).Any(earlier => earlier.Name == manifest.Name) ? $"\"{manifest.Name}\" is the name of another rule, too" : null : problem);
            if (manifest.Freeze.Count == 0 && manifest.Limits.Count == 0)
            {
                problems.Add(at, "sheds nothing; expected freeze: [workload], limits: {CPUQuota: 20%}, or both");
            }

            rules.Add(new(
                manifest.Name, Trigger(manifest, at, problems), Calm(manifest, at, problems), Frozen(manifest.Freeze, environment, at, problems), Limits(manifest.Limits, environment, at, problems)));
        }

        var all = rules.ToImmutable();
        Overlaps(all, problems);
        return all;
    }

    private static SheddingTrigger Trigger(SheddingManifest manifest, string at, ProblemList problems)
    {
        if (manifest.MemoryEvents.Length > 0)
        {
            problems.Check($"{at}.when", manifest.Pressure.Length > 0 ? "pressure and memoryEvents exclude each other; write two rules" : null);
            problems.Check($"{at}.when.memoryEvents", Events.Contains(manifest.MemoryEvents) ? null : $"\"{manifest.MemoryEvents}\" is no counter of memory.events; known are {string.Join(", ", Events)}");
            problems.Check($"{at}.when.for", manifest.For.Length > 0 ? "a counter is counted over the time in above; expected such as above: 10 per 1m" : null);
            problems.Check($"{at}.until.below", manifest.Below.Length > 0 ? "it is calm when the counter does not grow; leave this out" : null);
            problems.Check($"{at}.when.above", RestartBudget.TryParse(manifest.Above, out var above, out var problem) ? null : problem);
            return new SheddingTrigger.Events(manifest.MemoryEvents, above);
        }

        PressureKind? kind = manifest.Pressure switch { "memory" => PressureKind.Memory, "cpu" => PressureKind.Cpu, "io" => PressureKind.Io, _ => null };
        problems.Check($"{at}.when.pressure", kind is null ? $"\"{manifest.Pressure}\" is not known; expected memory, cpu or io, or memoryEvents in its place" : null);
        var high = Percent(manifest.Above, $"{at}.when.above", problems);
        var below = manifest.Below.Length == 0 ? high / 2 : Percent(manifest.Below, $"{at}.until.below", problems);
        problems.Check($"{at}.when.above", manifest.Above.Length > 0 && high == 0 ? "0% is every moment; expected 1% to 100%" : null);
        // Without a gap between the two, load would be shed and taken up again for ever.
        problems.Check($"{at}.until.below", manifest.Below.Length > 0 && below >= high && high > 0 ? $"{below}% is not below {high}%, at which load is shed" : null);
        return new SheddingTrigger.Pressure(kind ?? PressureKind.Memory, high, problems.Read<TimeSpan>($"{at}.when.for", manifest.For, TimeSpan.Zero, Durations.TryParse), below);
    }

    private static TimeSpan Calm(SheddingManifest manifest, string at, ProblemList problems)
    {
        var calm = problems.Read<TimeSpan>($"{at}.until.for", manifest.CalmFor, TimeSpan.FromMinutes(1), Durations.TryParse);
        problems.Check($"{at}.until.for", calm < ShortestCalm ? $"{Durations.Text(calm)} is too short to tell calm from a pause; expected at least {Durations.Text(ShortestCalm)}" : null);
        return calm;
    }

    private static ImmutableArray<string> Frozen(IReadOnlyList<string> names, FleetEnvironment environment, string at, ProblemList problems)
    {
        for (var index = 0; index < names.Count; index++)
        {
            problems.Check($"{at}.freeze[{index}]", environment.Workloads.Any(workload => workload.Name == names[index]) ? null
                : $"\"{names[index]}\" is no workload of the environment{(environment.Workloads.IsEmpty ? "" : $"; it has {string.Join(", ", environment.Workloads.Select(workload => workload.Name))}")}");
        }

        return [.. names.Distinct().Order(StringComparer.Ordinal)];
    }

    private static ImmutableSortedDictionary<ResourceProperty, ResourceValue> Limits(
        IReadOnlyDictionary<string, string> declared, FleetEnvironment environment, string at, ProblemList problems)
    {
        var limits = ImmutableSortedDictionary.CreateBuilder<ResourceProperty, ResourceValue>();
        foreach (var (name, text) in declared.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
        {
            var path = $"{at}.limits.{name}";
            if (!Enum.TryParse<ResourceProperty>(name, out var property) || property.ToString() != name)
            {
                problems.Add(path, $"not a limit that QM Fleet sets; known are {string.Join(", ", Enum.GetNames<ResourceProperty>())}");
            }
            else if (property.IsPerDevice())
            {
                problems.Add(path, "a limit of single devices is not changed to shed load; limit memory, CPU time or tasks");
            }
            else if (!environment.Resources.ContainsKey(property))
            {
                problems.Add(path, $"the environment does not set {name}, so there would be no value to go back to; set it under environment.resources");
            }
            else if (ResourceValues.TryParse(property, text, out var value, out var problem))
            {
                limits[property] = value;
            }
            else
            {
                problems.Add(path, problem);
            }
        }

        return limits.ToImmutable();
    }

    // Two rules that set one limit would have to agree.
    private static void Overlaps(ImmutableArray<SheddingRule> rules, ProblemList problems)
    {
        for (var index = 1; index < rules.Length; index++)
        {
            foreach (var property in rules[index].Limits.Keys)
            {
                var earlier = rules.Take(index).FirstOrDefault(rule => rule.Limits.ContainsKey(property));
                problems.Check($"{Path}[{index}].limits.{property}", earlier is null ? null : $"rule {earlier.Name} sets it, too; one of the two would have to win");
            }
        }
    }

    private static int Percent(string text, string path, ProblemList problems)
    {
        problems.Check(path, text.Length == 0 ? "a threshold is required, such as 20%" : null);
        return problems.Read<int>(path, text, 0, Amount.TryParsePercent);
    }
}

using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Core.Supervision;

/// <summary>Checks supervision policies.</summary>
internal static class SupervisionParser
{
    private const string Path = "spec.supervision";
    private const int FactorMax = 10;
    private static readonly TimeSpan ShortestInitial = TimeSpan.FromMilliseconds(100);

    // What is shorter lies between two looks.
    private static readonly TimeSpan ShortestWindow = TimeSpan.FromSeconds(1);

    private static readonly (string Word, Escalation Step)[] Words =
    [
        ("restart-unit", Escalation.RestartUnit), ("restart-qm", Escalation.RestartQm),
        ("revert-revision", Escalation.RevertRevision), ("quarantine", Escalation.Quarantine),
    ];

    /// <summary>The word of a step, as people write it.</summary>
    internal static string WordOf(Escalation step) => Words.First(word => word.Step == step).Word;

    /// <summary>Checks a policy; all problems at once.</summary>
    internal static SupervisionPolicy Parse(SupervisionManifest manifest, ProblemList problems)
    {
        var absent = SupervisionPolicy.Default;
        var restart = new RestartPolicy(
            problems.Read<TimeSpan>($"{Path}.restart.initial", manifest.Initial, absent.Restart.Initial, Durations.TryParse),
            problems.Read<TimeSpan>($"{Path}.restart.max", manifest.Max, absent.Restart.Max, Durations.TryParse),
            problems.Read<double>($"{Path}.restart.factor", manifest.Factor, absent.Restart.Factor, TryParseFactor),
            problems.Read<int>($"{Path}.restart.jitter", manifest.Jitter, absent.Restart.Jitter, Amount.TryParsePercent),
            problems.Read<RestartBudget>($"{Path}.restart.budget", manifest.Budget, absent.Restart.Budget, RestartBudget.TryParse),
            problems.Read<TimeSpan>($"{Path}.restart.resetAfter", manifest.ResetAfter, absent.Restart.ResetAfter, Durations.TryParse));
        var policy = absent with
        {
            Restart = restart,
            QmBudget = problems.Read<RestartBudget>($"{Path}.restartQm.budget", manifest.QmBudget, absent.QmBudget, RestartBudget.TryParse),
            FleetBudget = problems.Read<RestartBudget>($"{Path}.fleet.budget", manifest.FleetBudget, absent.FleetBudget, RestartBudget.TryParse),
            Correlated = problems.Read<Amount>($"{Path}.fleet.correlated", manifest.Correlated, absent.Correlated, Amount.TryParse),
            Within = problems.Read<TimeSpan>($"{Path}.fleet.within", manifest.Within, absent.Within, Durations.TryParse),
            Steps = Steps(manifest.Escalation, problems),
            Pending = problems.Read<TimeSpan>($"{Path}.pending", manifest.Pending, absent.Pending, Durations.TryParse),
        };
        // systemd's own restarts come after 100 ms; whoever is faster works against it.
        problems.Check($"{Path}.restart.initial", restart.Initial < ShortestInitial ? $"{Durations.Text(restart.Initial)} is faster than systemd restarts a unit itself; expected at least 100ms" : null);
        problems.Check($"{Path}.restart.max", restart.Max < restart.Initial ? $"{Durations.Text(restart.Max)} is below initial ({Durations.Text(restart.Initial)})" : null);
        problems.Check($"{Path}.restart.resetAfter", restart.ResetAfter < ShortestWindow ? $"after {Durations.Text(restart.ResetAfter)} every failure would count as the first, and nothing would ever be escalated; expected at least 1s, such as 10m" : null);
        problems.Check($"{Path}.fleet.within", policy.Within < ShortestWindow ? $"no two nodes fail within {Durations.Text(policy.Within)}; expected at least 1s, such as 1m" : null);
        problems.Check($"{Path}.fleet.correlated", policy.Correlated.Value == 0 ? $"{policy.Correlated} would make a common cause of every failure; expected such as 50%" : null);
        problems.Check($"{Path}.pending", policy.Pending > TimeSpan.FromMinutes(5) ? $"{Durations.Text(policy.Pending)} would hide what is wrong for that long; expected at most 5m" : null);
        return policy;
    }

    private static ImmutableArray<Escalation> Steps(IReadOnlyList<string> declared, ProblemList problems)
    {
        if (declared.Count == 0)
        {
            return SupervisionPolicy.Default.Steps;
        }

        var steps = ImmutableArray.CreateBuilder<Escalation>();
        for (var index = 0; index < declared.Count; index++)
        {
            var at = $"{Path}.escalation[{index}]";
            if (Words.FirstOrDefault(word => word.Word == declared[index]) is not { Word: not null } known)
            {
                problems.Add(at, $"\"{declared[index]}\" is not a step; known are {string.Join(", ", Words.Select(word => word.Word))}");
            }
            else if (steps.Contains(known.Step))
            {
                problems.Add(at, $"{known.Word} stands twice");
            }
            else if (steps.Count > 0 && steps[^1] > known.Step)
            {
                problems.Add(at, $"{known.Word} disrupts less than {WordOf(steps[^1])} before it; write them from the mildest to the hardest");
            }
            else
            {
                steps.Add(known.Step);
            }
        }

        return steps.ToImmutable();
    }

    private static bool TryParseFactor(string text, out double factor, out string? problem)
    {
        var isFactor = double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out factor) && factor is >= 1 and <= FactorMax;
        problem = isFactor ? null : $"\"{text}\" is not a number from 1 to {FactorMax}";
        return isFactor;
    }
}

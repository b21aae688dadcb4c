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
            Duration("restart.initial", manifest.Initial, absent.Restart.Initial, problems),
            Duration("restart.max", manifest.Max, absent.Restart.Max, problems),
            Factor(manifest.Factor, absent.Restart.Factor, problems),
            Percent("restart.jitter", manifest.Jitter, absent.Restart.Jitter, problems),
            Budget("restart.budget", manifest.Budget, absent.Restart.Budget, problems),
            Duration("restart.resetAfter", manifest.ResetAfter, absent.Restart.ResetAfter, problems));
        var policy = absent with
        {
            Restart = restart,
            QmBudget = Budget("restartQm.budget", manifest.QmBudget, absent.QmBudget, problems),
            FleetBudget = Budget("fleet.budget", manifest.FleetBudget, absent.FleetBudget, problems),
            Correlated = Part("fleet.correlated", manifest.Correlated, absent.Correlated, problems),
            Within = Duration("fleet.within", manifest.Within, absent.Within, problems),
            Steps = Steps(manifest.Escalation, problems),
            Pending = Duration("pending", manifest.Pending, absent.Pending, problems),
        };
        // systemd's own restarts come after 100 ms; whoever is faster works against it.
        problems.Check($"{Path}.restart.initial", restart.Initial < ShortestInitial ? $"{Durations.Text(restart.Initial)} is faster than systemd restarts a unit itself; expected at least 100ms" : null);
        problems.Check($"{Path}.restart.max", restart.Max < restart.Initial ? $"{Durations.Text(restart.Max)} is below initial ({Durations.Text(restart.Initial)})" : null);
        problems.Check($"{Path}.restart.resetAfter", restart.ResetAfter == TimeSpan.Zero ? "every failure would count as the first, and nothing would ever be escalated; expected such as 10m" : null);
        problems.Check($"{Path}.fleet.within", policy.Within == TimeSpan.Zero ? "no two nodes fail within no time; expected such as 1m" : null);
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

    private static double Factor(string text, double absent, ProblemList problems)
    {
        if (text.Length == 0)
        {
            return absent;
        }

        var isFactor = double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var factor) && factor is >= 1 and <= FactorMax;
        problems.Check($"{Path}.restart.factor", isFactor ? null : $"\"{text}\" is not a number from 1 to {FactorMax}");
        return isFactor ? factor : absent;
    }

    private static TimeSpan Duration(string field, string text, TimeSpan absent, ProblemList problems)
    {
        if (text.Length == 0)
        {
            return absent;
        }

        var isDuration = Durations.TryParse(text, out var duration, out var problem);
        problems.Check($"{Path}.{field}", problem);
        return isDuration ? duration : absent;
    }

    private static RestartBudget Budget(string field, string text, RestartBudget absent, ProblemList problems)
    {
        if (text.Length == 0)
        {
            return absent;
        }

        var isBudget = RestartBudget.TryParse(text, out var budget, out var problem);
        problems.Check($"{Path}.{field}", problem);
        return isBudget ? budget : absent;
    }

    private static Amount Part(string field, string text, Amount absent, ProblemList problems)
    {
        if (text.Length == 0)
        {
            return absent;
        }

        var isAmount = Amount.TryParse(text, out var amount, out var problem);
        problems.Check($"{Path}.{field}", problem);
        return isAmount ? amount : absent;
    }

    private static int Percent(string field, string text, int absent, ProblemList problems)
    {
        if (text.Length == 0)
        {
            return absent;
        }

        var isPercent = Amount.TryParse(text, out var amount, out var problem) && amount.IsPercent;
        problems.Check($"{Path}.{field}", isPercent ? null : problem ?? $"\"{text}\" is not a part; expected such as 10%");
        return isPercent ? amount.Value : absent;
    }
}

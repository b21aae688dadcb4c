using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Core.Tests.Supervision;

/// <summary>A node whose units a test moves by hand, and its supervisor.</summary>
internal sealed class SupervisedNode(SupervisionPolicy policy)
{
    internal const string Radio = "radio.service";
    private int _starts;

    internal DateTimeOffset Now { get; private set; } = new(2026, 7, 1, 12, 0, 0, TimeSpan.Zero);

    internal SupervisionPolicy Policy { get; set; } = policy;

    internal NodeSupervision State { get; private set; } = NodeSupervision.New;

    internal SupervisionView View { get; set; } = new()
    {
        Revision = "r1",
        IsSettled = true,
        Host = Presence.Online,
        Qm = Running("qm0"),
        Workloads = ImmutableSortedDictionary<string, UnitReading>.Empty.Add(Radio, Running("radio0")),
        Random = 0.5,
    };

    internal List<SupervisionNotice> Notices { get; } = [];

    internal IEnumerable<string> Reasons => Notices.Select(notice => notice.Reason);

    internal static UnitReading Running(string invocation, long restarts = 0) =>
        new("loaded", "active", "running", "success", invocation, 1, null, 0) { Restarts = restarts };

    internal static UnitReading Down(string state = "failed", string result = "exit-code") => new("loaded", state, "dead", result, "", 1, null, 0);

    internal void Pass(TimeSpan span) => Now += span;

    internal void Set(UnitReading radio) => View = View with { Workloads = View.Workloads.SetItem(Radio, radio) };

    internal void SetQm(UnitReading? qm) => View = View with { Qm = qm };

    internal SupervisionVerdict Judge()
    {
        var verdict = Supervisor.Judge(View, State, Policy, Now);
        State = verdict.State;
        Notices.AddRange(verdict.Notices);
        return verdict;
    }

    /// <summary>Judges, and does what is to be done when it is due; the unit comes up or falls again.</summary>
    /// <returns>What was done; null when nothing was.</returns>
    internal NodeStep.Heal? Act(bool heals)
    {
        for (var turn = 0; turn < 3; turn++)
        {
            switch (Judge().Step)
            {
                case NodeStep.Heal heal:
                    State = Supervisor.Acting(State, heal, Policy, Now);
                    Started(heal.Unit, heals);
                    return heal;
                case NodeStep.Wait { LookAgain: { } due } when due > Now:
                    Now = due;
                    break;
                default:
                    return null;
            }
        }

        return null;
    }

    /// <summary>A unit was started by somebody: another invocation, and systemd counts anew.</summary>
    internal void Started(string unit, bool runs)
    {
        var reading = runs ? Running($"{unit}{++_starts}") : Down() with { InvocationId = $"{unit}{++_starts}" };
        if (unit == Radio)
        {
            Set(reading);
        }
        else
        {
            SetQm(Running($"{unit}{++_starts}"));
            Set(runs ? Running($"{Radio}{++_starts}") : Down() with { InvocationId = $"{Radio}{++_starts}" });
        }
    }
}

using System.Collections.Immutable;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>How an act ended, as far as is known.</summary>
public enum ActOutcome
{
    /// <summary>It was done.</summary>
    Done = 1,

    /// <summary>It was tried and did not work.</summary>
    Failed = 2,

    /// <summary>It was refused for what it is; trying again cannot help.</summary>
    Refused = 3,

    /// <summary>Nobody can tell whether it was done; the node must be looked at.</summary>
    Unknown = 4,
}

/// <summary>What was tried on a node for one revision.</summary>
/// <remarks>Kept in memory only: after a restart of the controller the node is looked at afresh, and at most one act is repeated.</remarks>
public sealed record NodeMemory
{
    /// <summary>Failures in a row after which the revision is held to have failed on the node.</summary>
    public const int MaxAttempts = 3;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan UnknownDelay = TimeSpan.FromMilliseconds(500);

    /// <summary>The revision this memory is about.</summary>
    public string Revision { get; init; } = "";

    /// <summary>Name of the step last decided.</summary>
    public string Step { get; init; } = "";

    /// <summary>Since when that has been the step.</summary>
    public DateTimeOffset StepSince { get; init; }

    /// <summary>Failures in a row.</summary>
    public int Attempts { get; init; }

    /// <summary>No act before this.</summary>
    public DateTimeOffset NotBefore { get; init; }

    /// <summary>How the last act that did not work ended; empty when it did.</summary>
    public string LastError { get; init; } = "";

    /// <summary>Set when trying again cannot help.</summary>
    public bool Refused { get; init; }

    /// <summary>Act to the state it was done in: an act done in a state that it did not change is not done again.</summary>
    public ImmutableSortedDictionary<string, string> DoneIn { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Forgets everything when another revision is wanted.</summary>
    public NodeMemory For(string revision, DateTimeOffset now) =>
        Revision == revision ? this : new NodeMemory { Revision = revision, StepSince = now };

    /// <summary>Notes which step was decided, keeping since when it has been so.</summary>
    /// <remarks>Once everything is as wanted, what was done on the way is history: when somebody changes the node again, the same acts are not in vain.</remarks>
    public NodeMemory Deciding(NodeStep step, DateTimeOffset now) =>
        Step == step.Name ? this
        : step is NodeStep.Ready ? new() { Revision = Revision, Step = step.Name, StepSince = now }
        : this with { Step = step.Name, StepSince = now };

    /// <summary>Notes how an act ended.</summary>
    /// <param name="act">The act.</param>
    /// <param name="outcome">How it ended.</param>
    /// <param name="detail">What was said about it; empty when it was done.</param>
    /// <param name="view">What it was decided from.</param>
    /// <param name="now">When it ended.</param>
    public NodeMemory After(NodeStep.Act act, ActOutcome outcome, string detail, NodeView view, DateTimeOffset now) => outcome switch
    {
        ActOutcome.Done => this with
        {
            // A stage only begins what may fail later; its failures count until something takes effect.
            Attempts = act is NodeStep.Stage ? Attempts : 0,
            LastError = act is NodeStep.Stage ? LastError : "",
            DoneIn = DoneIn.SetItem(NodeReconciler.KeyOf(act), NodeReconciler.StateOf(act, view)),
        },
        ActOutcome.Unknown => this with { LastError = detail, NotBefore = now + UnknownDelay },
        _ => this with
        {
            Attempts = Attempts + 1,
            LastError = $"{act.Name}: {detail}",
            NotBefore = now + (FirstDelay * (1 << Math.Min(Attempts, 5))),
            Refused = outcome == ActOutcome.Refused,
            DoneIn = DoneIn.Remove(NodeReconciler.KeyOf(act)),
        },
    };

    /// <summary>Whether this act was already done in this very state, and left it as it is.</summary>
    public bool WasInVain(NodeStep.Act act, NodeView view) =>
        DoneIn.TryGetValue(NodeReconciler.KeyOf(act), out var state) && state == NodeReconciler.StateOf(act, view);
}

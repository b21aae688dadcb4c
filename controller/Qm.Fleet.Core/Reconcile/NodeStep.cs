using System.Collections.Immutable;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>The next thing to do for a node, or what it waits for.</summary>
/// <param name="Reason">A sentence for a person.</param>
public abstract record NodeStep(string Reason)
{
    /// <summary>The step's name as people see it.</summary>
    public abstract string Name { get; }

    /// <summary>Nothing is wanted of the node.</summary>
    public sealed record Idle(string Reason) : NodeStep(Reason)
    {
        /// <inheritdoc/>
        public override string Name => nameof(Idle);
    }

    /// <summary>Something must happen elsewhere first.</summary>
    /// <param name="For">What is waited for, a CamelCase word that follows "WaitFor".</param>
    /// <param name="Reason">A sentence that names what would release it.</param>
    /// <param name="LookAgain">When to look again without being told; null to wait for a signal.</param>
    /// <param name="FailsAfter">How long this may last before the revision is held to have failed here; null for ever.</param>
    public sealed record Wait(string For, string Reason, DateTimeOffset? LookAgain = null, TimeSpan? FailsAfter = null) : NodeStep(Reason)
    {
        /// <inheritdoc/>
        public override string Name => "WaitFor" + For;
    }

    /// <summary>The wanted revision cannot be had on this node until somebody acts.</summary>
    public sealed record Failed(string Reason) : NodeStep(Reason)
    {
        /// <inheritdoc/>
        public override string Name => nameof(Failed);
    }

    /// <summary>Everything is as wanted; the reason says what of it could not be read back.</summary>
    public sealed record Ready(string Reason) : NodeStep(Reason)
    {
        /// <inheritdoc/>
        public override string Name => nameof(Ready);
    }

    /// <summary>Something the shell carries out.</summary>
    /// <param name="Reason">Why.</param>
    public abstract record Act(string Reason) : NodeStep(Reason)
    {
        /// <inheritdoc/>
        public override string Name => GetType().Name;

        /// <summary>Whether it only brings up again what failed; where a supervisor looks after the node, that is the supervisor's to decide.</summary>
        public bool Heals { get; init; }
    }

    /// <summary>Send the files to the agent extension, which checks them; nothing takes effect.</summary>
    public sealed record Stage(RenderedRevision Revision, string Reason) : Act(Reason);

    /// <summary>Put the staged files in place.</summary>
    /// <param name="Revision">The staged revision.</param>
    /// <param name="ConfirmWithin">After this without <see cref="Confirm"/> the agent extension goes back by itself.</param>
    /// <param name="Reason">Why.</param>
    public sealed record Commit(string Revision, TimeSpan ConfirmWithin, string Reason) : Act(Reason);

    /// <summary>Have the agent extension restart the host's BlueChi agent; BlueChi would lose the job with the agent.</summary>
    public sealed record RestartHostAgent(string Reason) : Act(Reason);

    /// <summary>Set limits of qm.service at once, through BlueChi.</summary>
    public sealed record SetLimits(ImmutableArray<LiveProperty> Properties, string Reason) : Act(Reason);

    /// <summary>Make the host's systemd read its unit files again.</summary>
    public sealed record ReloadHost(string Reason) : Act(Reason);

    /// <summary>Reload the host's systemd and start qm.service.</summary>
    public sealed record StartQm(string Reason) : Act(Reason);

    /// <summary>Reload the host's systemd and restart qm.service.</summary>
    public sealed record RestartQm(string Reason) : Act(Reason);

    /// <summary>Restart the BlueChi agent inside QM.</summary>
    public sealed record RestartQmAgent(string Reason) : Act(Reason);

    /// <summary>Stop a unit inside QM whose file is gone, then reload QM's systemd.</summary>
    public sealed record StopWorkload(string Unit, string Reason) : Act(Reason);

    /// <summary>Reload QM's systemd and start a workload, or restart it when it runs.</summary>
    public sealed record RunWorkload(string Unit, bool Restart, string Reason) : Act(Reason);

    /// <summary>Forget that a unit failed, and restart it; systemd starts one that is down.</summary>
    /// <param name="Unit">qm.service on the host, or a workload inside QM.</param>
    /// <param name="For">The unit that failed, for which it is done.</param>
    /// <param name="Reason">Why.</param>
    public sealed record Heal(string Unit, string For, string Reason) : Act(Reason);

    /// <summary>Stop a workload where it is; it keeps its memory and uses no CPU.</summary>
    public sealed record Freeze(string Unit, string Reason) : Act(Reason);

    /// <summary>Let a frozen workload go on.</summary>
    public sealed record Thaw(string Unit, string Reason) : Act(Reason);

    /// <summary>Tell the agent extension that the revision is good.</summary>
    public sealed record Confirm(string Revision, string Reason) : Act(Reason);
}

using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>One call that changes something, to a BlueChi node or to a node's agent extension.</summary>
/// <param name="Node">BlueChi's node name: the host, or <c>qm.</c> and the host for what is inside QM.</param>
public abstract record NodeCall(string Node)
{
    /// <summary>Asks the host's agent extension; its method is told as people know it.</summary>
    public sealed record Extension(string Node, string Method) : NodeCall(Node)
    {
        /// <inheritdoc/>
        public override string ToString() => $"AgentExtension({Node}).{Method}";
    }

    /// <summary>org.eclipse.bluechi.Node.Reload.</summary>
    public sealed record Reload(string Node) : NodeCall(Node)
    {
        /// <inheritdoc/>
        public override string ToString() => $"Node({Node}).Reload";
    }

    /// <summary>org.eclipse.bluechi.Node.SetUnitProperties, at runtime only.</summary>
    public sealed record SetProperties(string Node, string Unit, ImmutableArray<LiveProperty> Properties) : NodeCall(Node)
    {
        /// <inheritdoc/>
        public override string ToString() => $"Node({Node}).SetUnitProperties {Unit} {string.Join(' ', Properties)}";
    }

    /// <summary>org.eclipse.bluechi.Node.StartUnit, StopUnit or RestartUnit, mode replace; its job is awaited.</summary>
    /// <param name="Node">The node.</param>
    /// <param name="Unit">The unit.</param>
    /// <param name="Verb">What is done to it.</param>
    /// <param name="EndsItsReporter">Whether the end of the job is told by the very unit that ends, so that it may never be heard.</param>
    public sealed record Job(string Node, string Unit, JobVerb Verb, bool EndsItsReporter = false) : NodeCall(Node)
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"Node({Node}).{Verb}Unit {Unit}");
    }

    /// <summary>org.eclipse.bluechi.Node.FreezeUnit, or ThawUnit.</summary>
    /// <param name="Node">The node.</param>
    /// <param name="Unit">The unit.</param>
    /// <param name="Frozen">Whether it is frozen.</param>
    public sealed record SetFrozen(string Node, string Unit, bool Frozen) : NodeCall(Node)
    {
        /// <inheritdoc/>
        public override string ToString() => $"Node({Node}).{(Frozen ? "FreezeUnit" : "ThawUnit")} {Unit}";
    }

    /// <summary>org.eclipse.bluechi.Node.ResetFailedUnit: systemd starts again what it had given up.</summary>
    public sealed record ResetFailed(string Node, string Unit) : NodeCall(Node)
    {
        /// <inheritdoc/>
        public override string ToString() => $"Node({Node}).ResetFailedUnit {Unit}";
    }

    /// <summary>The calls of an act, in order.</summary>
    /// <param name="act">What was decided.</param>
    /// <param name="node">The host it was decided for.</param>
    /// <exception cref="ArgumentOutOfRangeException">An act that nobody can carry out.</exception>
    public static ImmutableArray<NodeCall> Of(NodeStep.Act act, string node)
    {
        var qm = QmNode.NameFor(node);
        return act switch
        {
            NodeStep.Stage or NodeStep.Commit or NodeStep.Confirm or NodeStep.RestartHostAgent => [new Extension(node, act.Name)],
            NodeStep.SetLimits limits => [new SetProperties(node, QmNode.Unit, limits.Properties), .. Forget(limits, node)],
            NodeStep.ReloadHost => [new Reload(node)],
            NodeStep.StartQm => [new Reload(node), new Job(node, QmNode.Unit, JobVerb.Start)],
            NodeStep.RestartQm => [new Reload(node), new Job(node, QmNode.Unit, JobVerb.Restart)],
            NodeStep.RestartQmAgent => [new Job(qm, QmNode.AgentUnit, JobVerb.Restart, EndsItsReporter: true)],
            NodeStep.StopWorkload stop => [new Job(qm, stop.Unit, JobVerb.Stop), new Reload(qm)],
            NodeStep.RunWorkload run => [new Reload(qm), new Job(qm, run.Unit, run.Restart ? JobVerb.Restart : JobVerb.Start)],
            NodeStep.Freeze freeze => [new SetFrozen(qm, freeze.Unit, true)],
            NodeStep.Thaw thaw => [new SetFrozen(qm, thaw.Unit, false)],
            NodeStep.Heal { Unit: QmNode.Unit } => [new ResetFailed(node, QmNode.Unit), new Job(node, QmNode.Unit, JobVerb.Restart)],
            NodeStep.Heal heal => [new ResetFailed(qm, heal.Unit), new Job(qm, heal.Unit, JobVerb.Restart)],
            _ => throw new ArgumentOutOfRangeException(nameof(act), act.Name, "an act without a call that does it"),
        };
    }

    // systemd keeps a device whose limit was lifted as one without limits, and brings that to the kernel after whatever the disk is limited to under another
    // name. It forgets the device when it reads its files anew.
    private static ImmutableArray<NodeCall> Forget(NodeStep.SetLimits limits, string node) =>
        limits.Properties.Any(property => property.Devices?.ByPath.ContainsValue(DeviceLimits.Infinity) == true) ? [new Reload(node)] : [];
}

/// <summary>What a job does to a unit.</summary>
public enum JobVerb
{
    /// <summary>StartUnit.</summary>
    Start = 1,

    /// <summary>StopUnit.</summary>
    Stop = 2,

    /// <summary>RestartUnit.</summary>
    Restart = 3,
}

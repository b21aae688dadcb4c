using System.Collections.Immutable;

namespace Qm.Fleet.Core.Plans;

/// <summary>How much something wants a look; the numbers are those of the wire.</summary>
public enum Severity
{
    /// <summary>Worth knowing.</summary>
    Info = 1,

    /// <summary>Risky.</summary>
    Warning = 2,

    /// <summary>It cannot work; an apply is refused.</summary>
    Error = 3,
}

/// <summary>Something wrong or risky about a fleet on its nodes.</summary>
/// <param name="Rule">The rule it breaks, such as QMF-W004; its meaning never changes.</param>
/// <param name="Severity">How much it wants a look.</param>
/// <param name="Path">The field of the fleet, such as <c>spec.environment.resources.MemoryMax</c>.</param>
/// <param name="Nodes">The nodes it is about; empty when it is the fleet.</param>
/// <param name="Message">A sentence: what, and why.</param>
public sealed record Finding(string Rule, Severity Severity, string Path, ImmutableArray<string> Nodes, string Message)
{
    /// <summary>QM may take all memory of a node.</summary>
    public const string UnlimitedMemory = "QMF-W001";

    /// <summary>A workload is given back capabilities that QM takes away.</summary>
    public const string Capabilities = "QMF-W002";

    /// <summary>A workload sees paths of the kernel that Podman hides.</summary>
    public const string Unmasked = "QMF-W003";

    /// <summary>QM and what the rest of the node needs do not fit into its memory together.</summary>
    public const string MemoryOverCommitted = "QMF-W004";

    /// <summary>A workload shares the network of QM.</summary>
    public const string HostNetwork = "QMF-W005";

    /// <summary>A workload may make any system call.</summary>
    public const string NoSeccomp = "QMF-W006";

    /// <summary>A workload runs without SELinux.</summary>
    public const string NoSelinux = "QMF-W007";

    /// <summary>The selector takes no node.</summary>
    public const string NoNode = "QMF-W008";

    /// <summary>Several fleets want a node.</summary>
    public const string Overlap = "QMF-W009";

    /// <summary>A batch takes no node.</summary>
    public const string EmptyBatch = "QMF-W010";

    /// <summary>A budget that lets no node of a group go down, ever.</summary>
    public const string BudgetNeverMet = "QMF-W011";

    /// <summary>CPUs that a node does not have.</summary>
    public const string MissingCpus = "QMF-W012";

    /// <summary>The revision failed on a node before.</summary>
    public const string KnownBad = "QMF-W013";

    /// <summary>A rollout that waits for QM of a node that waits for that rollout.</summary>
    public const string PreconditionCycle = "QMF-W014";

    /// <summary>QM's CPUs and those kept for safety software are more than a node has.</summary>
    public const string CpusOverCommitted = "QMF-W020";

    /// <summary>QM's tasks and those kept for safety software are more than a node grants.</summary>
    public const string TasksOverCommitted = "QMF-W021";

    /// <summary>Memory that is never reclaimed from QM leaves less than what is kept for safety software.</summary>
    public const string MemoryMinTakesReserve = "QMF-W022";

    /// <summary>A workload's limit can never be reached, because QM's is below it.</summary>
    public const string WorkloadAboveQm = "QMF-W023";

    /// <summary>The limits of workloads are more than QM's together.</summary>
    public const string WorkloadsOverCommitted = "QMF-W024";

    /// <summary>A score that containers inside QM cannot have, because QM has at least that one on the node.</summary>
    public const string BelowInherited = "QMF-W025";

    /// <inheritdoc/>
    public override string ToString() => $"{Rule} {Message}";
}

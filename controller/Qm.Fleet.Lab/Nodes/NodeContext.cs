namespace Qm.Fleet.Lab.Nodes;

/// <summary>What the parts of one emulated node share.</summary>
/// <param name="Name">BlueChi's node name of the host.</param>
/// <param name="Kernel">The node's <c>/proc</c> and cgroup tree.</param>
/// <param name="Machine">What percentages refer to.</param>
/// <param name="Timings">How long things take.</param>
/// <param name="Faults">What goes wrong on purpose.</param>
/// <param name="Time">The clock.</param>
internal sealed record NodeContext(string Name, EmulatedKernel Kernel, Machine Machine, NodeTimings Timings, NodeFaults Faults, TimeProvider Time)
{
    /// <summary>Held, for moments and never across a wait, by whoever reads or changes the node.</summary>
    public Lock Gate { get; } = new();

    /// <summary>The root of the node.</summary>
    public string Root => Kernel.Root;

    /// <summary>CLOCK_MONOTONIC in microseconds.</summary>
    public ulong NowMicroseconds => (ulong)(Time.GetTimestamp() / (Time.TimestampFrequency / 1_000_000));
}

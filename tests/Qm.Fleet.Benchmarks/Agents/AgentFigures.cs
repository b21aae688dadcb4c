using System.Globalization;

namespace Qm.Fleet.Benchmarks.Agents;

/// <summary>What one agent extension costs a node.</summary>
/// <param name="FileBytes">Size of its program.</param>
/// <param name="Start">From its start to its first word to the controller, the median.</param>
/// <param name="NoOp">An apply of what is in place already, staged and committed.</param>
/// <param name="Full">An apply in which every file changes, staged, committed and confirmed, without a rootfs.</param>
/// <param name="ProportionalBytes">Its memory, with what it shares counted for its part, after the idle time.</param>
/// <param name="Cpu">Part of one core that it took while nothing happened.</param>
internal sealed record AgentFigures(long FileBytes, TimeSpan Start, TimeSpan NoOp, TimeSpan Full, long ProportionalBytes, double Cpu)
{
    private const double Mebi = 1 << 20;

    /// <summary>Each figure beside its aim, and how many miss it.</summary>
    internal (IReadOnlyList<string> Lines, int Missed) Judge()
    {
        (string What, double Found, double Aim, string Unit)[] rows =
        [
            ("program", FileBytes / Mebi, 20, "MiB"), ("start to connected", Start.TotalMilliseconds, 150, "ms"), ("no-op apply", NoOp.TotalMilliseconds, 5, "ms"),
            ("full apply", Full.TotalMilliseconds, 100, "ms"), ("memory (PSS), idle", ProportionalBytes / Mebi, 20, "MiB"), ("CPU, idle", Cpu * 100, 0.2, "% of a core"),
        ];
        return (
            [.. rows.Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.What,-20} {row.Found,8:0.00} {row.Unit,-12} aim {row.Aim,6:0.0}  {(row.Found <= row.Aim ? "met" : "missed")}"))],
            rows.Count(row => row.Found > row.Aim));
    }
}

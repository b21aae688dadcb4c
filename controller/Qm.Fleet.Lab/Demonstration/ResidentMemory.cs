using System.Globalization;
using Qm.Fleet.Lab.Processes;

namespace Qm.Fleet.Lab.Demonstration;

/// <summary>What processes hold in memory, from <c>/proc</c>.</summary>
internal static class ResidentMemory
{
    /// <summary>The resident set in MiB.</summary>
    public static string Of(ChildProcess process) => Mebibytes(process).ToString("0.0", CultureInfo.InvariantCulture);

    /// <summary>The resident sets of several processes: their number, and the mean of one.</summary>
    public static string Of(IReadOnlyCollection<ChildProcess> processes) =>
        string.Create(CultureInfo.InvariantCulture, $"{processes.Count} x {processes.Average(Mebibytes):0.0} MiB");

    private static double Mebibytes(ChildProcess process)
    {
        var line = File.ReadLines($"/proc/{process.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
    }
}

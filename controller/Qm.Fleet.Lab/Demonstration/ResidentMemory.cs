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

    /// <summary>The resident set of any process in MiB, and its proportional part: what it shares counts for each sharer's part.</summary>
    /// <exception cref="LabException">The process is gone, or another user's.</exception>
    public static string Of(int process)
    {
        var file = $"/proc/{process}/smaps_rollup";
        try
        {
            return string.Create(CultureInfo.InvariantCulture, $"{Mebibytes(file, "Rss:"):0.0} MiB resident, {Mebibytes(file, "Pss:"):0.0} MiB proportional");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LabException($"The memory of process {process} cannot be read: {e.Message}", e);
        }
    }

    private static double Mebibytes(ChildProcess process) => Mebibytes($"/proc/{process.Id}/status", "VmRSS:");

    private static double Mebibytes(string file, string field)
    {
        var line = File.ReadLines(file).First(line => line.StartsWith(field, StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
    }
}

using System.Globalization;
using Qm.Fleet.Core.Capacity;
using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks what is kept for safety software.</summary>
internal static class AsilReserveParser
{
    private const string Path = "spec.asilReserve";
    private const int MostCpus = 1024;

    internal static AsilReserve Parse(AsilReserveManifest manifest, ProblemList problems) => new(
        problems.Read($"{Path}.memory", manifest.Memory, AsilReserve.Default.Memory, Memory),
        problems.Read<long>($"{Path}.cpus", manifest.Cpus, AsilReserve.Default.MilliCpus, Cpus),
        problems.Read($"{Path}.tasks", manifest.Tasks, AsilReserve.Default.Tasks, Tasks));

    private static bool Memory(string text, out ResourceValue value, out string? problem) => Part(ResourceProperty.MemoryMin, text, "bytes with K, M, G or T, such as 1G", out value, out problem);

    // TasksMax itself cannot be 0, a reserve can.
    private static bool Tasks(string text, out ResourceValue value, out string? problem)
    {
        if (text == "0")
        {
            (value, problem) = (AsilReserve.Default.Tasks, null);
            return true;
        }

        return Part(ResourceProperty.TasksMax, text, "a number, such as 512", out value, out problem);
    }

    private static bool Part(ResourceProperty property, string text, string form, out ResourceValue value, out string? problem)
    {
        var isRead = ResourceValues.TryParse(property, text, out var read, out _) && read is ResourceValue.Bytes or ResourceValue.Count or ResourceValue.Percent;
        problem = !isRead ? $"\"{text}\" is no amount; expected {form}, or a share such as 25%"
            : read is ResourceValue.Percent { Permyriad: >= 10_000 } ? $"{text} leaves QM nothing; expected less than 100%"
            : null;
        value = read ?? AsilReserve.Default.Memory;
        return problem is null;
    }

    private static bool Cpus(string text, out long value, out string? problem)
    {
        var isNumber = decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var cpus)
            && cpus <= MostCpus && decimal.Truncate(cpus * 1000) == cpus * 1000;
        value = isNumber ? (long)(cpus * 1000) : 0;
        problem = isNumber ? null
            : string.Create(CultureInfo.InvariantCulture, $"\"{text}\" is no number of CPUs; expected such as 1 or 1.5, at most {MostCpus} and with at most 3 decimals");
        return isNumber;
    }
}

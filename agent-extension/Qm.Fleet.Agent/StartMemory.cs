using System.Globalization;
using System.Runtime.InteropServices;

namespace Qm.Fleet.Agent;

/// <summary>Takes little memory from the node, and gives back what only the start has needed.</summary>
/// <remarks>
/// The start reads keys, connects, and makes the first report, which is the longest. What it left on the heaps is garbage, and what it read of the program's constant data is clean; neither
/// goes by itself as long as nobody runs short, and it is the safety side that shall not run short. What is needed once more is read once more.
/// </remarks>
internal static partial class StartMemory
{
    /// <summary>After this the start is over.</summary>
    public static readonly TimeSpan After = TimeSpan.FromSeconds(30);

    private const int OldestGeneration = 2;

    // MADV_PAGEOUT: Linux 5.4. Older kernels refuse, and everything stays as it is.
    private const int PageOut = 21;

    // M_ARENA_MAX of mallopt(3).
    private const int ArenasMax = -8;

    /// <summary>Lets all threads take native memory from one heap; to be called first.</summary>
    /// <remarks>Else each gets one of its own, which keeps what it once held: megabytes, for calls that nobody waits for.</remarks>
    public static void OneHeap() => _ = SetAllocation(ArenasMax, 1);

    /// <summary>Gives back, once; whatever does not work leaves the memory where it is.</summary>
    public static void GiveBack()
    {
        // Once, a few milliseconds, in a process that waits for the next ten seconds to be over: what is collected by itself keeps its pages.
        GC.Collect(OldestGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _ = TrimHeap(0);
        try
        {
            foreach (var line in File.ReadLines("/proc/self/maps"))
            {
                // The kernel maps what is needed again by the neighbourhood; functions.order keeps together what an agent that waits goes on using.
                if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var range, "r--p" or "r-xp", _, _, _, var file] && file == Environment.ProcessPath && range.Split('-') is [var from, var to])
                {
                    var start = nuint.Parse(from, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                    _ = Advise(start, nuint.Parse(to, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) - start, PageOut);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Without /proc nobody knows where the program lies.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetAllocation(int parameter, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int TrimHeap(nuint pad);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nuint address, nuint length, int advice);
}

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>The randomness of one input: the same in every process, so that the number of an input makes it again.</summary>
internal static class FuzzSeed
{
    /// <summary>From the seed of the run, the class of the input, and its number.</summary>
    internal static Random Of(int seed, string name, long number)
    {
        // FNV-1a; HashCode is another in every process.
        var hash = 14695981039346656037UL;
        foreach (var part in name.Select(letter => (ulong)letter).Append((ulong)seed).Append((ulong)number))
        {
            hash = (hash ^ part) * 1099511628211UL;
        }

        return new Random((int)(hash ^ (hash >> 32)));
    }
}

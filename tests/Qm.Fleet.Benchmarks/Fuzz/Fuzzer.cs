namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>What a class of inputs did.</summary>
/// <param name="Class">Which inputs.</param>
/// <param name="Inputs">How many.</param>
/// <param name="Refused">How many of them were refused in one of the ways that are documented.</param>
/// <param name="MostBytes">Most managed bytes that one of them allocated.</param>
internal sealed record FuzzResult(string Class, long Inputs, long Refused, long MostBytes);

/// <summary>An input did what no input may do.</summary>
internal sealed class FuzzFailureException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Feeds inputs to what reads them, each from a seed of its own: the one that fails is made again from its number alone.</summary>
/// <param name="name">Which inputs.</param>
/// <param name="seed">Of the run.</param>
/// <param name="feed">Makes one input and feeds it; answers its size in bytes, as on the wire, and whether it was refused.</param>
internal sealed class Fuzzer(string name, int seed, Func<Random, (int Size, bool Refused)> feed)
{
    // What reading costs beside the input itself, and for each byte of it: a byte on the wire can be a whole value.
    private const long AllowedBytes = 16 * 1024;
    private const long AllowedBytesPerByte = 512;

    internal string Name => name;

    /// <summary>Feeds so many.</summary>
    /// <param name="count">How many.</param>
    /// <param name="first">The number of the first.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="FuzzFailureException">One did what it may not; tells its number.</exception>
    internal FuzzResult Run(long count, long first, CancellationToken ct)
    {
        var (refused, most) = (0L, 0L);
        for (var number = first; number < first + count; number++)
        {
            ct.ThrowIfCancellationRequested();
            var random = FuzzSeed.Of(seed, name, number);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var (size, wasRefused) = Feed(random, number);
            var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            refused += wasRefused ? 1 : 0;
            most = Math.Max(most, bytes);
            if (bytes > AllowedBytes + (AllowedBytesPerByte * size))
            {
                throw new FuzzFailureException($"{Replay(number)}: {size} bytes of input made {bytes} bytes of garbage");
            }
        }

        return new(name, count, refused, most);
    }

    private (int Size, bool Refused) Feed(Random random, long number)
    {
        try
        {
            return feed(random);
        }
        catch (Exception e)
        {
            throw new FuzzFailureException($"{Replay(number)}: {e.GetType().Name}: {e.Message}", e);
        }
    }

    private string Replay(long number) => $"input {number} of {name}, again with: fuzz --seed {seed} --only {name} --first {number} --inputs 1";
}

namespace Qm.Fleet.Simulation.Engine;

/// <summary>SplitMix64: the same numbers for a seed on every machine and version, for ever.</summary>
internal sealed class Randomness(ulong seed)
{
    private ulong _state = seed;

    internal ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        var mixed = _state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>From 0 to one below the bound.</summary>
    internal int Below(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>Both ends included.</summary>
    internal int Between(int least, int most) => least + Below(most - least + 1);

    internal bool Chance(int percent) => Below(100) < percent;

    internal TimeSpan Milliseconds(int least, int most) => TimeSpan.FromMilliseconds(Between(least, most));

    internal T Of<T>(IReadOnlyList<T> values) => values[Below(values.Count)];

    /// <summary>Numbers of its own, so that what is drawn here changes nothing there.</summary>
    internal Randomness Fork() => new(Next());
}

namespace Qm.Fleet.Simulation.Engine;

/// <summary>Everything that can be observed of a run, as one hash (FNV-1a), and as text for whoever looks.</summary>
internal sealed class Trace(VirtualTime time, TextWriter? text)
{
    private readonly Queue<string> _last = new();

    /// <summary>Equal for equal runs.</summary>
    internal ulong Hash { get; private set; } = 0xCBF29CE484222325;

    /// <summary>What happened last.</summary>
    internal IReadOnlyCollection<string> Last => _last;

    internal void Add(string line)
    {
        foreach (var letter in line)
        {
            Mix(letter);
        }

        Mix((ulong)time.Elapsed.Ticks);
        var shown = FormattableString.Invariant($"{time.Elapsed.TotalSeconds,10:0.000}  {line}");
        text?.WriteLine(shown);
        _last.Enqueue(shown);
        if (_last.Count > 40)
        {
            _last.Dequeue();
        }
    }

    private void Mix(ulong value) => Hash = (Hash ^ value) * 0x100000001B3;
}

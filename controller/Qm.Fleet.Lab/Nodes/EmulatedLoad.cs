using System.Globalization;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>What one cgroup has used so far: a wave of a minute, at another place of it for every unit, so that something moves and no two units move alike.</summary>
/// <param name="unit">Its unit; decides where in the wave it begins.</param>
internal sealed class EmulatedLoad(string unit)
{
    private const double WaveSeconds = 60;
    private const long Mebibyte = 1L << 20;
    private const double Microseconds = 1_000_000;
    private static readonly (string Resource, double Part)[] Parts = [("memory", 1), ("cpu", 0.5), ("io", 0.25)];
    private readonly double _phase = unit.Sum(letter => letter) % WaveSeconds;
    private double _seconds, _cpu, _read, _written, _stalled;

    /// <summary>Bytes in use.</summary>
    public long Memory => (48 * Mebibyte) + (long)(96 * Mebibyte * Wave);

    /// <summary>Processes and threads.</summary>
    public long Pids => 4 + (long)(8 * Wave);

    private double Wave => (1 + Math.Sin(2 * Math.PI * (_seconds + _phase) / WaveSeconds)) / 2;

    /// <summary>Goes on for some time.</summary>
    /// <param name="seconds">How long.</param>
    /// <param name="isFrozen">Whether it may use nothing while it does.</param>
    public void GoOn(double seconds, bool isFrozen)
    {
        if (isFrozen)
        {
            return;
        }

        _seconds += seconds;
        _cpu += seconds * (0.02 + (0.25 * Wave));
        _read += seconds * Mebibyte * Wave / 2;
        _written += seconds * Mebibyte * Wave / 8;
        _stalled += seconds * 0.04 * Wave;
    }

    /// <summary>The files of the cgroup that say so, of this load and those below it.</summary>
    /// <param name="below">Of the cgroups below.</param>
    public IEnumerable<(string File, string Content)> Files(IReadOnlyCollection<EmulatedLoad> below)
    {
        EmulatedLoad[] all = [this, .. below];
        var cpu = (long)(all.Sum(load => load._cpu) * Microseconds);
        yield return ("memory.current", Text(all.Sum(load => load.Memory)));
        yield return ("pids.current", Text(all.Sum(load => load.Pids)));
        yield return ("cpu.stat", FormattableString.Invariant($"usage_usec {cpu}\nuser_usec {cpu / 3 * 2}\nsystem_usec {cpu / 3}\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0"));
        yield return ("io.stat", FormattableString.Invariant($"254:0 rbytes={all.Sum(load => (long)load._read)} wbytes={all.Sum(load => (long)load._written)} rios=0 wios=0 dbytes=0 dios=0"));
        foreach (var (resource, part) in Parts)
        {
            var (share, total) = (4 * Wave * part, (long)(_stalled * part * Microseconds));
            yield return ($"{resource}.pressure", $"{Pressure("some", share, total)}\n{Pressure("full", share / 4, total / 4)}");
        }
    }

    private static string Pressure(string kind, double share, long total) =>
        FormattableString.Invariant($"{kind} avg10={share:0.00} avg60={share:0.00} avg300={share:0.00} total={total}");

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}

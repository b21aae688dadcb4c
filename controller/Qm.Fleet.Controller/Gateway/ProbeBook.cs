using System.Collections.Frozen;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>Puts together what one link told of probes, change by change. Not safe for concurrent use.</summary>
internal sealed class ProbeBook
{
    /// <summary>Most units that are kept; an agent is given no more to probe.</summary>
    public const int MaxUnits = LivenessProbeParser.MaxProbes;

    /// <summary>Most characters of a message that are kept; an agent tells no more.</summary>
    public const int MaxMessage = 256;

    private readonly Dictionary<string, ProbeReading> _readings = new(StringComparer.Ordinal);

    /// <summary>All that is known, by unit.</summary>
    public FrozenDictionary<string, ProbeReading> Readings { get; private set; } = FrozenDictionary<string, ProbeReading>.Empty;

    /// <summary>Takes what changed; what is beyond <see cref="MaxUnits"/> is dropped.</summary>
    /// <returns>Whether the health of a unit is another than before, or which units are known.</returns>
    public bool Merge(V1.ProbeResults change)
    {
        if (change.Complete)
        {
            _readings.Clear();
        }

        foreach (var reading in change.Results.Where(static result => result.Unit.Length <= ReportBounds.MostCharacters).Select(static result => result.ToReading(MaxMessage)))
        {
            if (_readings.Count < MaxUnits || _readings.ContainsKey(reading.Unit))
            {
                _readings[reading.Unit] = reading;
            }
        }

        var before = Readings;
        Readings = _readings.ToFrozenDictionary(StringComparer.Ordinal);
        return before.Count != Readings.Count
            || Readings.Any(now => !before.TryGetValue(now.Key, out var then) || then.IsHealthy != now.Value.IsHealthy);
    }
}

using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>Measures jobs while a client wants it. Used under the emulation's gate.</summary>
internal sealed class Metrics(TimeProvider time)
{
    private readonly Dictionary<uint, long> _begun = [];

    /// <summary>A job was asked for.</summary>
    public void Begin(Job job) => _begun[job.Id] = time.GetTimestamp();

    /// <summary>What the agent tells of a job that has ended, and then, of a start, what the controller does; nothing of one that was begun before the measuring.</summary>
    public (ImmutableArray<BusValue> OfAgent, ImmutableArray<BusValue> OfController)? End(Job job)
    {
        if (!_begun.Remove(job.Id, out var begun))
        {
            return null;
        }

        var microseconds = (ulong)time.GetElapsedTime(begun).TotalMicroseconds;
        // systemd's two times are subtracted as they are: of a unit that failed before it was active, the difference wraps.
        var start = job.Operation?.Unit is { } unit ? unchecked(unit.ActiveEnterMicroseconds - unit.InactiveExitMicroseconds) : 0;
        return (
            [job.Node, job.Unit, $"{char.ToUpperInvariant(job.Type[0])}{job.Type[1..]}Unit", microseconds],
            job.Operation?.Type == JobType.Start ? [job.Node, job.Path, job.Unit, microseconds, start] : []);
    }
}

namespace Qm.Fleet.BlueChi.Jobs;

/// <summary>A command whose outcome was unknown was carried out after all.</summary>
/// <param name="Node">BlueChi's node name.</param>
/// <param name="Unit">Full unit name.</param>
/// <param name="Type">What was asked for.</param>
/// <param name="AskedAt">When it was sent.</param>
/// <param name="InvocationId">The unit's invocation that it brought about.</param>
public sealed record LateExecution(string Node, string Unit, JobType Type, DateTimeOffset AskedAt, string InvocationId);

/// <summary>
/// Commands that were sent and of which nothing was seen: an agent that comes back carries out what lies in its socket. Outlives incarnations of
/// BlueChi; bounded, the oldest go first.
/// </summary>
internal sealed class UnsettledCommands
{
    private const int Capacity = 1024;
    private readonly Lock _gate = new();
    private readonly OrderedDictionary<(string Node, string Unit), (JobType Type, DateTimeOffset AskedAt, string InvocationId)> _commands = [];

    /// <summary>A command of which nothing was seen.</summary>
    internal void Add(string node, string unit, JobType type, DateTimeOffset askedAt, string invocationId)
    {
        if (type is not (JobType.Start or JobType.Restart))
        {
            // Only a start leaves a mark by which it is told from somebody else's.
            return;
        }

        lock (_gate)
        {
            _commands.Remove((node, unit));
            _commands.Add((node, unit), (type, askedAt, invocationId));
            if (_commands.Count > Capacity)
            {
                _commands.RemoveAt(0);
            }
        }
    }

    /// <summary>The unit was given another command: whatever it does now is that one's.</summary>
    internal void Superseded(string node, string unit)
    {
        lock (_gate)
        {
            _commands.Remove((node, unit));
        }
    }

    /// <summary>The unit's invocation was read; not null when it is the mark of a command that came late.</summary>
    internal LateExecution? Seen(string node, string unit, string invocationId)
    {
        lock (_gate)
        {
            if (invocationId.Length == 0 || !_commands.TryGetValue((node, unit), out var command) || command.InvocationId == invocationId)
            {
                return null;
            }

            _commands.Remove((node, unit));
            return new(node, unit, command.Type, command.AskedAt, invocationId);
        }
    }
}

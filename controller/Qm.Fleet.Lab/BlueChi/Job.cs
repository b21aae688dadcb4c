using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>A BlueChi job. What happens to it is told only after its caller has the reply. Used under the emulated controller's gate.</summary>
internal sealed class Job(uint id, string node, string unit, string type)
{
    private readonly Queue<Action> _held = new();
    private bool _announced;

    public uint Id { get; } = id;

    public string Path { get; } = BlueChiNames.JobPath(id);

    public string Node { get; } = node;

    public string Unit { get; } = unit;

    /// <summary><c>start</c>, <c>stop</c>, <c>restart</c> or <c>reload</c>.</summary>
    public string Type { get; } = type;

    public string State { get; set; } = "waiting";

    /// <summary>What systemd does for it.</summary>
    public UnitOperation? Operation { get; set; }

    /// <summary>Runs an action now, or once the reply is on its way.</summary>
    public void AfterReply(Action action)
    {
        if (_announced)
        {
            action();
        }
        else
        {
            _held.Enqueue(action);
        }
    }

    /// <summary>The reply is on its way.</summary>
    public void Replied()
    {
        _announced = true;
        while (_held.TryDequeue(out var action))
        {
            action();
        }
    }
}

using System.Threading.Channels;
using Qm.Fleet.BlueChi.Jobs;

namespace Qm.Fleet.BlueChi.Tests;

/// <summary>Keeps what a session tells, for tests that wait for it.</summary>
internal sealed class RecordingObserver : IBlueChiObserver
{
    private readonly Channel<IBlueChi> _connected = Channel.CreateUnbounded<IBlueChi>();
    private readonly Channel<string> _told = Channel.CreateUnbounded<string>();

    public void Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes)
    {
        _told.Writer.TryWrite($"connected {string.Join(' ', nodes.Select(node => $"{node.Name}={node.Status}"))}");
        _connected.Writer.TryWrite(blueChi);
    }

    public void Disconnected(string reason) => _told.Writer.TryWrite("disconnected");

    public void NodeStatusChanged(string node, NodeStatus status) => _told.Writer.TryWrite($"{node}={status}");

    public void UnitChanged(string node, string unit, UnitHint hint) =>
        _told.Writer.TryWrite($"{node} {unit} {hint.ActiveState} {hint.SubState} {(hint.IsVirtual ? "virtual" : "real")}");

    public void NodeFloods(string node, int signalsPerSecond, bool calm) => _told.Writer.TryWrite($"{node} {(calm ? "is calm" : "floods")}");

    public void LateExecution(LateExecution late) => _told.Writer.TryWrite($"late {late.Type} of {late.Unit} on {late.Node} {late.InvocationId}");

    internal ValueTask<IBlueChi> NextConnectionAsync(CancellationToken ct) => _connected.Reader.ReadAsync(ct);

    /// <summary>Waits until a line is told; earlier lines are dropped.</summary>
    internal async Task ToldAsync(string line, CancellationToken ct)
    {
        while (await _told.Reader.ReadAsync(ct) != line)
        {
        }
    }
}

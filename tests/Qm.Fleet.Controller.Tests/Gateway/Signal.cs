using System.Threading.Channels;
using Qm.Fleet.Controller.Gateway;

namespace Qm.Fleet.Controller.Tests.Gateway;

/// <summary>Waits for a condition, looking again at each change of a node's link.</summary>
internal sealed class Signal
{
    private readonly Channel<string> _changes = Channel.CreateUnbounded<string>();

    public Signal(IAgentLinks links, string node) => links.Changed += changed =>
    {
        if (changed == node)
        {
            _changes.Writer.TryWrite(changed);
        }
    };

    public async Task UntilAsync(Func<bool> holds)
    {
        while (!holds())
        {
            await _changes.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask()
                .WaitAsync(RunningController.Deadline, TestContext.Current.CancellationToken);
        }
    }
}

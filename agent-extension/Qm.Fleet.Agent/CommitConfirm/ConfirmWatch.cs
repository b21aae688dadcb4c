using System.Threading.Channels;
using Qm.Fleet.Agent.Link;

namespace Qm.Fleet.Agent.CommitConfirm;

/// <summary>Looks at the deadline of the committed revision when it is over, and whenever a command may have set or removed one.</summary>
internal sealed class ConfirmWatch(NodeAgent agent, TimeProvider time)
{
    // A timer cannot wait for ever; without a deadline there is nothing to miss.
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(1);

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var left = await agent.GoBackIfDueAsync(cancellationToken).ConfigureAwait(false) ?? LongestWait;
            await WaitAsync(agent.Commands, left < ShortestWait ? ShortestWait : left < LongestWait ? left : LongestWait, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task WaitAsync(ChannelReader<bool> commands, TimeSpan wait, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            await commands.ReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Time to look.
        }
    }
}

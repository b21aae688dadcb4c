using Qm.Fleet.Lab.Agents;

namespace Qm.Fleet.Lab.Control;

/// <summary>A link that is cut and healed again and again, from its making until it is disposed of; then it is whole.</summary>
internal sealed class LinkFlap : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Task _running;

    /// <summary>Begins with a cut.</summary>
    /// <param name="links">Whose link it is.</param>
    /// <param name="node">The agent's node.</param>
    /// <param name="every">From one cut to the next; half of it the link is cut.</param>
    /// <param name="time">The clock.</param>
    public LinkFlap(IAgentLinks links, string node, TimeSpan every, TimeProvider time)
    {
        Every = every;
        _running = Task.Run(() => RunAsync(links, node, time));
    }

    /// <summary>From one cut to the next.</summary>
    public TimeSpan Every { get; }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task RunAsync(IAgentLinks links, string node, TimeProvider time)
    {
        try
        {
            while (true)
            {
                await CutAsync(links, node).ConfigureAwait(false);
                await Task.Delay(Every / 2, time, _end.Token).ConfigureAwait(false);
                await links.HealAsync(node).ConfigureAwait(false);
                await Task.Delay(Every / 2, time, _end.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            await links.HealAsync(node).ConfigureAwait(false);
        }
    }

    private static async Task CutAsync(IAgentLinks links, string node)
    {
        try
        {
            await links.CutAsync(node).ConfigureAwait(false);
        }
        catch (InvalidOperationException)
        {
            // No agent lives at the moment, so there is no link to cut.
        }
    }
}

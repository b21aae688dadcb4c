namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>What a case does to its site, undone when it ends.</content>
public abstract partial class ConformanceCases<TFixture>
{
    /// <summary>Starts slowly, too, and slower than <see cref="SiteUnits.Slow"/>; only where a case writes it.</summary>
    private const string SlowerUnit = "conformance-slower.service";

    private async Task FreezeAsync(string node)
    {
        _undo.Push(() => Site.SetFrozenAsync(node, false, CancellationToken.None));
        await Site.SetFrozenAsync(node, true, Ct);
    }

    private async Task ThawAsync(string node)
    {
        await Site.SetFrozenAsync(node, false, Ct);
        _undo.Pop();
    }

    /// <summary>Ends an agent and waits until BlueChi has told.</summary>
    private async Task StopAgentAsync(string node)
    {
        _undo.Push(() => Site.StartAgentAsync(node, CancellationToken.None));
        await Site.StopAgentAsync(node, Ct);
        await _client.OfflineAsync(node, Ct);
    }

    /// <summary>Starts it, and waits until BlueChi has told.</summary>
    private async Task StartAgentAsync(string node)
    {
        await Site.StartAgentAsync(node, Ct);
        _undo.Pop();
        await _client.OnlineAsync(node, Ct);
    }

    /// <summary>Cuts an agent off and waits until BlueChi has told.</summary>
    private async Task CutAsync(string node)
    {
        _undo.Push(() => Site.HealAsync(node, CancellationToken.None));
        await Site.CutAsync(node, Ct);
        await _client.OfflineAsync(node, Ct);
    }

    /// <summary>Lets it back, and waits until BlueChi has told.</summary>
    private async Task HealAsync(string node)
    {
        await Site.HealAsync(node, Ct);
        _undo.Pop();
        await _client.OnlineAsync(node, Ct);
    }

    private async Task StopControllerAsync(bool clean)
    {
        _undo.Push(() => Site.StartControllerAsync(CancellationToken.None));
        await Site.StopControllerAsync(clean, Ct);
    }

    /// <summary>Starts the controller and waits until both nodes are back.</summary>
    private async Task StartControllerAsync()
    {
        await Site.StartControllerAsync(Ct);
        _undo.Pop();
        await _client.NextConnectionAsync(Ct);
        await _client.OnlineAsync(First, Ct);
        await _client.OnlineAsync(Second, Ct);
    }
}

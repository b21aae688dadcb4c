using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi.Client;

/// <content>Unit files of one node, and its systemd as a whole.</content>
internal sealed partial class BlueChiClient
{
    public async Task ReloadAsync(string node, CancellationToken ct)
    {
        await CallNodeAsync(node, "Reload", [], "", ct);
        // The monitor heard every unit go and come, and the agent believes them inactive: nothing it said before holds.
        Reloaded?.Invoke(node);
    }

    public Task<IReadOnlyList<UnitFileInfo>> ListUnitFilesAsync(string node, CancellationToken ct) =>
        ReadNodeAsync(node, "ListUnitFiles", [], "", Replies.ToUnitFiles, ct);

    public Task<string> GetUnitFileStateAsync(string node, string unit, CancellationToken ct) =>
        ReadNodeAsync(node, "GetUnitFileState", [unit], unit, Replies.ToText, ct);

    public Task<EnabledUnitFiles> EnableUnitFilesAsync(string node, IReadOnlyList<string> files, bool runtime, bool force, CancellationToken ct) =>
        ReadNodeAsync(node, "EnableUnitFiles", [BusValue.Strings(files), runtime, force], string.Join(' ', files),
            Replies.ToEnabled, ct);

    public Task<IReadOnlyList<UnitFileChange>> DisableUnitFilesAsync(string node, IReadOnlyList<string> files, bool runtime, CancellationToken ct) =>
        ReadNodeAsync(node, "DisableUnitFiles", [BusValue.Strings(files), runtime], string.Join(' ', files), Replies.ToChanges, ct);

    public Task<string> GetDefaultTargetAsync(string node, CancellationToken ct) => ReadNodeAsync(node, "GetDefaultTarget", [], "", Replies.ToText, ct);

    public Task<IReadOnlyList<UnitFileChange>> SetDefaultTargetAsync(string node, string target, bool force, CancellationToken ct) =>
        ReadNodeAsync(node, "SetDefaultTarget", [target, force], target, Replies.ToChanges, ct);

    public async Task SetNodeLogLevelAsync(string node, BlueChiLogLevel level, CancellationToken ct)
    {
        await AnswersAsync(node, "SetLogLevel", ct);
        await CallNodeAsync(node, "SetLogLevel", [Wire.ToWord(level)], "", ct);
    }

    // An agent that just answered is not frozen; one that does not is not given anything to carry out later.
    private async Task AnswersAsync(string node, string method, CancellationToken ct)
    {
        try
        {
            await ReadNodeAsync(node, "GetUnitProperty", ["-.slice", Wire.SystemdUnit, "LoadState"], "", Replies.ToText, ct, options.ProbeDeadline);
        }
        catch (OutcomeUnknownException e)
        {
            throw Silent(node, method, e);
        }
    }

    private NodeOfflineException Silent(string node, string what, OutcomeUnknownException e) =>
        new($"{what} on {node}: the agent is connected and does not answer (waited {options.ProbeDeadline.TotalSeconds:0.#} s), so it was given nothing to do; "
            + $"look at bluechi-agent on {node}: {e.Message}", e.ErrorName, e);
}

using System.Globalization;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Effective;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Layer = Qm.Fleet.V1.EffectiveAssignment.Types.Layer;
using Subject = Qm.Fleet.V1.EffectiveSetting.Types.Subject;

namespace Qm.Fleet.Controller.Api;

/// <summary>Adds to what a node told of its settings what only the controller knows: systemd's word through BlueChi, what the fleet wants, and whose files are ours.</summary>
internal sealed class EffectiveAnswer(LiveNodes live, BlueChiLink blueChi)
{
    /// <summary>Completes an answer; what BlueChi cannot tell is a problem of the answer, never an error.</summary>
    /// <param name="answer">With everything the node told.</param>
    /// <param name="report">The node's last report; null when there is none.</param>
    /// <param name="ct">Ends the wait for BlueChi.</param>
    internal async Task CompleteAsync(V1.GetEffectiveResponse answer, V1.NodeReport? report, CancellationToken ct)
    {
        var node = live.Find(answer.Node);
        var ours = Ours(node, report?.Revision ?? "");
        var drifted = report?.Drift.Select(drift => drift.Path).ToHashSet(StringComparer.Ordinal) ?? [];
        foreach (var setting in answer.Settings)
        {
            setting.Wanted = node?.View.Desired is { } desired ? WantedSetting.Find(desired, (ConfigurationOf)setting.Subject, setting.Key) : "";
            foreach (var assignment in setting.Assignments.Where(assignment => assignment.Layer == Layer.Fleet))
            {
                assignment.Note = drifted.Contains(assignment.File) ? $"{ours}, edited since" : ours;
            }
        }

        var units = answer.Settings.Where(setting => setting.Subject == Subject.Unit).ToArray();
        if (units.Length > 0)
        {
            await AskAsync(answer, units, ct).ConfigureAwait(false);
        }
    }

    // A revision of another fleet may be left on a node that was given to this one.
    private static string Ours(NodeLive? node, string revision) =>
        revision.Length == 0 ? "QM Fleet, of no revision that the node remembers"
        : node?.Assignment.Fleet is { } fleet && fleet.Environments.ContainsKey(revision) ? $"fleet {fleet.Name}, revision {revision}"
        : $"QM Fleet, revision {revision}";

    private async Task AskAsync(V1.GetEffectiveResponse answer, V1.EffectiveSetting[] settings, CancellationToken ct)
    {
        if (blueChi.Current is not { } current || blueChi.PresenceOf(answer.Node) != Presence.Online)
        {
            answer.Problems.Add($"What systemd says is unknown: {(blueChi.Current is null ? blueChi.NotConnectedBecause : $"BlueChi has no connection to {answer.Node}")}.");
            return;
        }

        try
        {
            var properties = await current.GetUnitPropertiesAsync(answer.Node, QmNode.Unit, "", ct).ConfigureAwait(false);
            if (UnitState.From(properties).LoadState == "not-found")
            {
                answer.Problems.Add($"systemd of {answer.Node} does not know {QmNode.Unit}: no unit was made of the quadlet.");
                return;
            }

            foreach (var setting in settings)
            {
                setting.Systemd = properties.TryGetValue(setting.Key == "CPUQuota" ? "CPUQuotaPerSecUSec" : setting.Key, out var value) ? Text(setting.Key, value) : "";
            }
        }
        catch (BlueChiException e)
        {
            answer.Problems.Add($"What systemd says is unknown: {e.Message}");
        }
    }

    // As systemctl show has it, but numbers as they are.
    private static string Text(string key, PropertyValue value) =>
        value.TryGetUInt64(out var number) ? (key, number) switch
        {
            ("CPUWeight", 0) => "idle",
            ("CPUWeight" or "IOWeight", ulong.MaxValue) => "[not set]",
            (_, ulong.MaxValue) => "infinity",
            _ => number.ToString(CultureInfo.InvariantCulture),
        }
        : value.TryGetInt64(out var signed) ? signed.ToString(CultureInfo.InvariantCulture)
        : value.TryGetString(out var text) ? text
        : value.TryGetBoolean(out var holds) ? holds ? "yes" : "no"
        : value.TryGetBytes(out var bytes) && key is nameof(ResourceProperty.AllowedCPUs) ? CpuSet.FromMask(bytes.AsSpan()).ToString()
        : "";
}

using Google.Rpc;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.Core.Selectors;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Controller.Operations;

/// <summary>The units on the QM side of a node, read through BlueChi when asked for.</summary>
internal sealed class UnitList(NodeStore nodes, BlueChiLink blueChi, LiveNodes live)
{
    private const int MostPatterns = 32;

    // What QM's systemd says of its units is QM's own word.
    private const int MostUnits = 10_000;
    private const int LongestDescription = 256;
    private const int LongestWord = 64;
    private const string SystemdUnit = "org.freedesktop.systemd1.Unit";

    /// <summary>What is wrong with patterns.</summary>
    public static IReadOnlyList<Problem> Check(IReadOnlyList<string> patterns) => patterns.Count > MostPatterns
        ? [new("patterns", $"{patterns.Count} patterns; at most {MostPatterns} are read")]
        : [.. patterns.Index().Where(static one => one.Item.Length is 0 or > UnitName.MaxLength)
            .Select(static one => new Problem($"patterns[{one.Index}]", $"it has {one.Item.Length} characters; a pattern has 1 to {UnitName.MaxLength}"))];

    /// <summary>Units that match, by name.</summary>
    /// <param name="node">The node.</param>
    /// <param name="patterns">With <c>*</c> and <c>?</c>; none for all.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="Grpc.Core.RpcException">As the service says.</exception>
    public async Task<IReadOnlyList<V1.Unit>> ReadAsync(string node, IReadOnlyList<string> patterns, CancellationToken ct)
    {
        _ = nodes.Find(node) ?? throw Failures.NotFound("node", node);
        var qm = QmNode.NameFor(node);
        if (blueChi.Current is not { } current || blueChi.PresenceOf(qm) != Presence.Online)
        {
            throw NotHeard(node, blueChi.Current is null ? $"BlueChi is not heard: {blueChi.NotConnectedBecause}" : $"BlueChi says {qm} is offline");
        }

        try
        {
            var (fleet, workloads) = WorkloadsOf(node);
            return
            [
                .. (await current.ListUnitsAsync(qm, ct).ConfigureAwait(false))
                    .Where(unit => patterns.Count == 0 || patterns.Any(pattern => Glob.Matches(pattern, unit.Name))).OrderBy(static unit => unit.Name, StringComparer.Ordinal).Take(MostUnits)
                    .Select(unit => new V1.Unit
                    {
                        Name = ForeignText.Plain(unit.Name, UnitName.MaxLength),
                        Description = ForeignText.FitLine(unit.Description, LongestDescription),
                        LoadState = ForeignText.Plain(unit.LoadState, LongestWord),
                        ActiveState = ForeignText.Plain(unit.ActiveState, LongestWord),
                        SubState = ForeignText.Plain(unit.SubState, LongestWord),
                        Fleet = workloads.Contains(unit.Name) ? fleet : "",
                    }),
            ];
        }
        catch (BlueChiException e)
        {
            throw NotHeard(node, e.Message);
        }
    }

    /// <summary>Adds, for a fleet's workloads, whether they are frozen, which a list does not tell.</summary>
    public Task CompleteAsync(string node, IReadOnlyList<V1.Unit> units, CancellationToken ct) => Task.WhenAll(units.Where(static unit => unit.Fleet.Length > 0).Select(
        async unit => unit.FreezerState = await FreezerAsync(node, unit.Name, ct).ConfigureAwait(false)));

    private (string Fleet, IReadOnlySet<string> Workloads) WorkloadsOf(string node) =>
        live.Find(node)?.Assignment.Fleet is { } fleet && fleet.Environments.GetValueOrDefault(fleet.Revision) is { } environment
            ? (fleet.Name, environment.Workloads.Select(static workload => $"{workload.Name}.service").ToHashSet(StringComparer.Ordinal))
            : ("", new HashSet<string>());

    // What systemd does not tell, or not in time, is left empty.
    private async Task<string> FreezerAsync(string node, string unit, CancellationToken ct)
    {
        try
        {
            return blueChi.Current is { } current
                && (await current.GetUnitPropertyAsync(QmNode.NameFor(node), unit, SystemdUnit, "FreezerState", ct).ConfigureAwait(false)).TryGetString(out var state) ? state : "";
        }
        catch (BlueChiException)
        {
            return "";
        }
    }

    private Grpc.Core.RpcException NotHeard(string node, string why) => Failures.Make(
        Code.FailedPrecondition, "NOT_HEARD", $"QM of {node} cannot be reached: {why}.",
        new Dictionary<string, string> { ["node"] = node, ["phase"] = live.Find(node)?.Phase.Current.Phase.ToString() ?? "" });
}

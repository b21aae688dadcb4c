using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Selectors;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>A unit outside QM that an administrator listed by name: people may ask for it, whatever decides by itself never does.</summary>
/// <param name="Unit">Its full name; never a pattern.</param>
/// <param name="Reason">Why it is listed, in the administrator's words.</param>
/// <param name="Nodes">On which nodes, by their labels; null for all.</param>
public sealed record HostUnit(string Unit, string Reason, LabelSelector? Nodes)
{
    /// <summary>The longest reason, in characters.</summary>
    public const int LongestReason = 500;

    // What holds other units takes them with it, and what the links to the node run in takes away the way back.
    private static readonly string[] Single = [".service", ".socket", ".timer", ".path"];
    private static readonly string[] Links = [QmNode.AgentUnit, "bluechi-controller.service", "qm-fleet-agent.service", "qm-fleet-controller.service"];

    /// <summary>Whether it is the unit, on a node with such labels.</summary>
    public bool IsFor(string unit, IReadOnlyDictionary<string, string> labels) => Unit == unit && (Nodes is null || Nodes.Matches(labels));

    /// <summary>Reads what an administrator asks to be listed, and says everything that is wrong with it.</summary>
    /// <param name="unit">The unit's name.</param>
    /// <param name="reason">Why; it has to be given.</param>
    /// <param name="nodes">Labels in the Kubernetes selector grammar; empty for all nodes.</param>
    public static Parsed<HostUnit> Parse(string unit, string reason, string nodes)
    {
        var problems = new List<Problem>();
        if (Refusal(unit) is { } refusal)
        {
            problems.Add(new("host_unit.unit", refusal));
        }
        if (string.IsNullOrWhiteSpace(reason))
        {
            problems.Add(new("host_unit.reason", "a reason is required: each use of the unit is told with it"));
        }
        else if (reason.Length > LongestReason)
        {
            problems.Add(new("host_unit.reason", $"it has {reason.Length} characters; at most {LongestReason} are kept"));
        }
        if (!LabelSelector.TryParse(nodes, out var selector, out var wrong))
        {
            problems.AddRange(wrong.Select(static text => new Problem("host_unit.selector", text)));
        }
        return new(new(unit, reason, selector is { Requirements.IsEmpty: false } ? selector : null), problems);
    }

    private static string? Refusal(string unit) =>
        !UnitName.IsValid(unit, out var problem) ? $"{problem}; a unit is listed by its exact name"
        : UnitName.IsTemplate(unit) ? $"\"{unit}\" is a template, which never runs itself; list an instance of it"
        : unit == QmNode.Unit ? $"{unit} is QM as a whole, which has verbs of its own: restart-qm, and set-properties"
        : Links.Contains(unit) ? $"{unit} is what the node is reached through; nothing could bring it back"
        : !Single.Any(suffix => unit.EndsWith(suffix, StringComparison.Ordinal)) ? $"{unit} holds or starts other units, which nobody has listed; expected one of {string.Join(", ", Single)}"
        : null;
}

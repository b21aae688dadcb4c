using Google.Protobuf.Collections;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>Rules and scopes for people.</summary>
internal static class AccessText
{
    /// <summary>Writes a table of rules; within which scope they were given stands beside where they hold.</summary>
    internal static Task WriteAsync(CliContext context, IEnumerable<AccessRule> rules)
    {
        var table = new Table("EFFECT", "VERBS", "RESOURCES", "WHERE");
        foreach (var rule in rules)
        {
            var where = string.Join(" and ", new[] { rule.Scope, rule.Within }.Where(static scope => scope is not null).Select(static scope => Scope(scope)));
            table.Add(rule.Deny ? "deny" : "allow", string.Join(',', rule.Verbs), string.Join(',', rule.Resources), where.Length == 0 ? Scope(null) : where);
        }

        return table.WriteAsync(context.Out, context.OutWidth);
    }

    /// <summary>A scope in one line, such as fleet=cockpit node=ecu*; everywhere for one that leaves nothing out.</summary>
    internal static string Scope(AccessScope? scope)
    {
        if (scope is null)
        {
            return "everywhere";
        }

        string[] parts = [Part("site", scope.Sites), Part("fleet", scope.Fleets), Part("node", scope.Nodes), scope.Selector.Length > 0 ? $"labels={scope.Selector}" : "", Part("unit", scope.Units)];
        return parts.Where(static part => part.Length > 0).ToArray() is { Length: > 0 } some ? string.Join(' ', some) : "everywhere";
    }

    private static string Part(string name, RepeatedField<string> values) => values.Count == 0 ? "" : $"{name}={string.Join(',', values)}";
}

using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Where a role holds; everywhere if nothing is said.</summary>
internal sealed class ScopeOptions
{
    private readonly Option<string[]> _sites = Names("--site", "Only at sites of this name, with * and ?; may repeat");
    private readonly Option<string[]> _fleets = Names("--fleet", "Only in fleets of this name and on nodes they have, with * and ?; may repeat. Nodes that are to come in are reached by --node or -l of a binding");
    private readonly Option<string[]> _nodes = Names("--node", "Only on nodes of this name, with * and ?; may repeat");
    private readonly Option<string[]> _units = Names("--unit", "Only for units of this name, with * and ?; may repeat");
    private readonly Option<string> _selector = new("--selector", "-l") { Description = "Only where labels are so, such as zone=cockpit", HelpName = "selector", DefaultValueFactory = _ => "" };

    internal ScopeOptions(GlobalOptions global)
    {
        global.Names.OfFleets(_fleets);
        global.Names.OfNodes(_nodes);
    }

    internal void AddTo(Command command)
    {
        command.Add(_sites);
        command.Add(_fleets);
        command.Add(_nodes);
        command.Add(_selector);
        command.Add(_units);
    }

    /// <summary>What was said; null for everywhere.</summary>
    internal AccessScope? Of(ParseResult parsed)
    {
        var scope = new AccessScope
        {
            Sites = { parsed.GetValue(_sites) ?? [] },
            Fleets = { parsed.GetValue(_fleets) ?? [] },
            Nodes = { parsed.GetValue(_nodes) ?? [] },
            Selector = parsed.GetValue(_selector)!,
            Units = { parsed.GetValue(_units) ?? [] },
        };
        return scope.CalculateSize() == 0 ? null : scope;
    }

    private static Option<string[]> Names(string name, string description) => new(name) { Description = description, HelpName = "name" };
}

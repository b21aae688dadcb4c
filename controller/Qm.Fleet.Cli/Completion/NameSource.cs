using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Contexts;
using Qm.Fleet.Cli.Explanations;
using Qm.Fleet.Cli.Kinds;

namespace Qm.Fleet.Cli.Completion;

/// <summary>Names that are asked for when a person presses Tab.</summary>
/// <param name="connect">Prepares a connection, where one is needed.</param>
/// <param name="context">Where the configuration is.</param>
internal sealed class NameSource(Func<FleetConnection> connect, CliContext context)
{
    /// <summary>What may stand there.</summary>
    internal Task<IReadOnlyList<string>> ReadAsync(LiveName name, TypedLine line, CancellationToken ct) => name switch
    {
        LiveName.Nodes => OfKindAsync(ResourceKind.Find(ResourceKind.Node)!, "", ct),
        LiveName.Fleets => OfKindAsync(ResourceKind.Find(ResourceKind.Fleet)!, "", ct),
        LiveName.Units => UnitsAsync(line, ct),
        LiveName.Contexts => Task.FromResult<IReadOnlyList<string>>(ContextFile.Find(context) is { } path ? [.. ContextFile.Read(path).Contexts.Select(known => known.Name)] : []),
        LiveName.Fields => Task.FromResult(FieldTree.Load().Complete(line.Last)),
        LiveName.NamesOfKind => OfKindAsync(line.Positions.Count > 0 ? ResourceKind.Find(line.Positions[0]) : null, "", ct),
        _ => ResourcesAsync(line, ct),
    };

    // A kind; after a slash its names; after a kind without one, its names, too.
    private Task<IReadOnlyList<string>> ResourcesAsync(TypedLine line, CancellationToken ct)
    {
        var slash = line.Last.IndexOf('/', StringComparison.Ordinal);
        return slash >= 0 ? OfKindAsync(ResourceKind.Find(line.Last[..slash]), line.Last[..(slash + 1)], ct)
            : line.Positions.Count > 0 && !line.Positions[0].Contains('/', StringComparison.Ordinal) ? OfKindAsync(ResourceKind.Find(line.Positions[0]), "", ct)
            : Task.FromResult<IReadOnlyList<string>>([.. ResourceKind.All.Select(kind => kind.Plural)]);
    }

    private async Task<IReadOnlyList<string>> OfKindAsync(ResourceKind? kind, string prefix, CancellationToken ct)
    {
        if (kind is null)
        {
            return [];
        }

        using var connection = connect();
        return [.. (await kind.ListAsync(connection, ResourceQuery.Everything with { IsForNames = true }, ct)).Select(resource => prefix + kind.NameOf(resource))];
    }

    private async Task<IReadOnlyList<string>> UnitsAsync(TypedLine line, CancellationToken ct)
    {
        if (line.Positions.Count == 0)
        {
            return [];
        }

        using var connection = connect();
        var units = await connection.Nodes.ListUnitsAsync(new() { Node = line.Positions[0] }, cancellationToken: ct);
        return [.. units.Units.Select(unit => unit.Name)];
    }
}

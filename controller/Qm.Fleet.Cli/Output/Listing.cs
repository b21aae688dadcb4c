using System.Text.Json.Nodes;
using Google.Protobuf;
using Qm.Fleet.Cli.Output.JsonPaths;

namespace Qm.Fleet.Cli.Output;

/// <summary>One resource as get shows it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Message">As the API has it.</param>
/// <param name="Cells">One for each column.</param>
/// <param name="MoreCells">One for each further column of the wide table.</param>
internal sealed record ListedResource(string Name, IMessage Message, string[] Cells, string[] MoreCells);

/// <summary>Resources of one kind, to be shown in one of the formats of -o.</summary>
/// <param name="Kind">In the singular, as it stands in kind/name.</param>
/// <param name="Header">Heads of the columns.</param>
/// <param name="MoreHeader">Heads of the further columns of the wide table.</param>
/// <param name="Resources">In the order shown.</param>
internal sealed record Listing(string Kind, string[] Header, string[] MoreHeader, IReadOnlyList<ListedResource> Resources)
{
    /// <summary>Several of the kind; null for what English makes of it.</summary>
    internal string? Plural { get; init; }

    /// <summary>The same resources by what a path leads to, those without it last; numbers as numbers.</summary>
    internal Listing SortedBy(JsonPath path, bool isDescending)
    {
        var keyed = Resources.Select(resource => (Resource: resource, Key: Key(ApiText.Tree(resource.Message)))).ToArray();
        var order = Comparer<string?>.Create((one, other) => one is null || other is null ? 0 : Comparison.Order(one, other));
        var withKey = keyed.Where(pair => pair.Key is not null);
        var sorted = isDescending ? withKey.OrderByDescending(pair => pair.Key, order) : withKey.OrderBy(pair => pair.Key, order);
        return this with { Resources = [.. sorted.Concat(keyed.Where(pair => pair.Key is null)).Select(pair => pair.Resource)] };

        string? Key(JsonNode tree) => path.Select(tree, tree).Select(JsonPath.Text).FirstOrDefault();
    }

    /// <summary>Writes the resources; JSON, YAML and JSONPath see one object where one was asked for, else a list under <c>items</c>.</summary>
    /// <returns>How wide each column of a table became; empty for another format.</returns>
    internal async Task<int[]> WriteAsync(CliContext context, OutputFormat format, bool isOne, bool noHeaders = false)
    {
        switch (format)
        {
            case OutputFormat.Table table:
                return await WriteTableAsync(context, table.IsWide, noHeaders);
            case OutputFormat.Columns columns:
                return await WriteColumnsAsync(context, columns.Of, noHeaders);
            case OutputFormat.Name:
                foreach (var resource in Resources)
                {
                    await context.Out.WriteLineAsync($"{Kind}/{resource.Name}");
                }

                return [];
            default:
                await ApiText.WriteAsync(context.Out, [.. Resources.Select(resource => resource.Message)], isOne, format);
                return [];
        }
    }

    private async Task<int[]> WriteColumnsAsync(CliContext context, CustomColumns columns, bool noHeaders)
    {
        var table = new Table(columns.Header) { NoHeaders = noHeaders };
        foreach (var resource in Resources)
        {
            table.Add(columns.Of(ApiText.Tree(resource.Message)));
        }

        return await table.WriteAsync(context.Out, width: null);
    }

    private async Task<int[]> WriteTableAsync(CliContext context, bool isWide, bool noHeaders)
    {
        if (Resources.Count == 0)
        {
            await context.Error.WriteLineAsync($"no {Plural ?? Kind + "s"}");
            return [.. (isWide ? [.. Header, .. MoreHeader] : Header).Select(head => head.Length)];
        }

        var table = new Table(isWide ? [.. Header, .. MoreHeader] : Header) { NoHeaders = noHeaders };
        foreach (var resource in Resources)
        {
            table.Add(isWide ? [.. resource.Cells, .. resource.MoreCells] : resource.Cells);
        }

        return await table.WriteAsync(context.Out, isWide ? null : context.OutWidth);
    }
}

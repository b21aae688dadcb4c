using Google.Protobuf;

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
    private const string Table = "table";
    private const string Wide = "wide";

    internal static readonly string[] Formats = [Table, Wide, "json", "yaml", "name"];

    /// <summary>Writes the resources; JSON and YAML hold one object where one was asked for, else a list under <c>items</c>.</summary>
    internal async Task WriteAsync(CliContext context, string format, bool isOne)
    {
        switch (format)
        {
            case "json":
                await context.Out.WriteLineAsync(ApiText.Json([.. Resources.Select(resource => resource.Message)], isOne));
                break;
            case "yaml":
                await context.Out.WriteLineAsync(ApiText.Yaml([.. Resources.Select(resource => resource.Message)], isOne));
                break;
            case "name":
                foreach (var resource in Resources)
                {
                    await context.Out.WriteLineAsync($"{Kind}/{resource.Name}");
                }

                break;
            default:
                await WriteTableAsync(context, format == Wide);
                break;
        }
    }

    private async Task WriteTableAsync(CliContext context, bool isWide)
    {
        if (Resources.Count == 0)
        {
            await context.Error.WriteLineAsync($"no {Kind}s");
            return;
        }

        var table = new Table(isWide ? [.. Header, .. MoreHeader] : Header);
        foreach (var resource in Resources)
        {
            table.Add(isWide ? [.. resource.Cells, .. resource.MoreCells] : resource.Cells);
        }

        await table.WriteAsync(context.Out, isWide ? null : context.OutWidth);
    }
}

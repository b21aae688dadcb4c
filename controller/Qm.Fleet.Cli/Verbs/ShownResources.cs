using Google.Protobuf;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Resources on the screen, and lines below them for what changes.</summary>
/// <param name="kind">Of what kind they are.</param>
/// <param name="context">Where they are shown.</param>
/// <param name="format">How.</param>
/// <param name="noHeaders">Whether the heads of columns are left out.</param>
internal sealed class ShownResources(ResourceKind kind, CliContext context, OutputFormat format, bool noHeaders)
{
    private int[]? _widths;

    /// <summary>Shows those that are there from the start.</summary>
    internal async Task WriteAllAsync(IReadOnlyList<IMessage> resources)
    {
        if (format is OutputFormat.Table or OutputFormat.Name)
        {
            _widths = await kind.List(resources, context.Time.GetUtcNow()).WriteAsync(context, format, isOne: false, noHeaders);
            return;
        }

        foreach (var resource in resources)
        {
            await StreamedText.WriteAsync(context.Out, resource, format);
        }
    }

    /// <summary>Shows one more, or one anew.</summary>
    internal async Task WriteAsync(IMessage resource)
    {
        var listing = kind.List([resource], context.Time.GetUtcNow());
        switch (format)
        {
            case OutputFormat.Table table when _widths is null:
                _widths = await listing.WriteAsync(context, format, isOne: true, noHeaders);
                break;
            case OutputFormat.Table table:
                var row = listing.Resources[0];
                await context.Out.WriteLineAsync(Table.Line(table.IsWide ? [.. row.Cells, .. row.MoreCells] : row.Cells, _widths, table.IsWide ? null : context.OutWidth));
                break;
            case OutputFormat.Name:
                await listing.WriteAsync(context, format, isOne: true);
                break;
            default:
                await StreamedText.WriteAsync(context.Out, resource, format);
                break;
        }
    }
}

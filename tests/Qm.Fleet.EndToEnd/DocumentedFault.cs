using System.Collections.Immutable;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>A line of the table in deploy/docs/faults.md.</summary>
/// <param name="Name">What goes wrong.</param>
/// <param name="Commands">What plays it, one after the other: the words after qmfleet.</param>
/// <param name="Found">The phases of which one is found.</param>
/// <param name="Events">The reasons of the events that tell it, in their order, for each source of events.</param>
internal sealed record DocumentedFault(string Name, ImmutableArray<ImmutableArray<string>> Commands, ImmutableArray<string> Found, ImmutableArray<ImmutableArray<string>> Events)
{
    private const int Columns = 6;

    /// <summary>The node it is played on; "all" and "bluechi" are none.</summary>
    internal string Node => Commands[0][2];

    /// <summary>Every line.</summary>
    internal static ImmutableArray<DocumentedFault> All { get; } =
    [
        .. File.ReadLines(Checkout.Of("deploy/docs/faults.md")).SkipWhile(line => !line.StartsWith("|---", StringComparison.Ordinal)).Skip(1)
            .TakeWhile(line => line.StartsWith('|')).Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries)).Select(Read),
    ];

    /// <summary>The line of a fault.</summary>
    internal static DocumentedFault Of(string name) => All.Single(fault => fault.Name == name);

    private static DocumentedFault Read(string[] cells)
    {
        Assert.Equal(Columns, cells.Length);
        return new(cells[0], [.. cells[1].Split(" then ").Select(command => command.Trim('`').Split(' ').ToImmutableArray())], [.. cells[2].Split(" or ").Select(phase => phase.Trim('`'))], [.. cells[5].Split(';').Select(events => events.Split(',', StringSplitOptions.TrimEntries).ToImmutableArray())]);
    }
}

using System.Globalization;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>An event in a line.</summary>
internal static class EventRow
{
    internal static readonly string[] Header = ["NUMBER", "TIME", "SEVERITY", "REASON", "ABOUT", "MESSAGE"];
    internal static readonly string[] MoreHeader = ["ACTOR"];

    /// <summary>The columns of <see cref="Header"/>.</summary>
    internal static string[] Of(Event item) =>
    [
        Number(item),
        item.Time is { } time ? time.ToDateTimeOffset().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) : "-",
        item.Severity.ToString(),
        item.Reason,
        About(item),
        item.Message.Split('\n')[0],
    ];

    /// <summary>The columns of <see cref="MoreHeader"/>.</summary>
    internal static string[] MoreOf(Event item) => [item.Actor.Length > 0 ? item.Actor : "-"];

    /// <summary>One line for a stream, whose widest cells are not known yet, and the lines below an event's sentence, such as a diff, below it.</summary>
    internal static string Line(Event item)
    {
        var cells = Of(item);
        var line = string.Create(CultureInfo.InvariantCulture, $"{cells[0],6}  {cells[1],-24}  {cells[2],-8}  {cells[3],-20}  {cells[4],-24}  {cells[5]}");
        return string.Join('\n', item.Message.Split('\n').Skip(1).Select(more => $"        {more}").Prepend(line).Select(text => PlainText.Of(text.TrimEnd())));
    }

    internal static string Number(Event item) => item.Number.ToString(CultureInfo.InvariantCulture);

    private static string About(Event item)
    {
        var about = item.Node.Length > 0 ? $"node/{item.Node}" : item.Fleet.Length > 0 ? $"fleet/{item.Fleet}" : "-";
        return item.Unit.Length > 0 ? $"{about} {item.Unit}" : about;
    }
}

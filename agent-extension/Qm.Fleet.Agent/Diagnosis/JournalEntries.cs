using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>Reads what <c>journalctl -o json</c> prints (systemd.journal-fields(7)), made fit to leave the node.</summary>
internal static class JournalEntries
{
    /// <summary>The most of a message that is told, in characters.</summary>
    public const int MessageMax = 8192;

    private const int NameMax = 255;

    /// <summary>Reads whole lines; what is no entry is left out.</summary>
    /// <param name="text">One JSON object a line.</param>
    /// <param name="isCut">Whether the text ends anywhere, so that its last line does not count.</param>
    /// <returns>The entries, and the cursor of the last one; empty when there is none.</returns>
    public static (IReadOnlyList<LogEntry> Entries, string Cursor) Read(string text, bool isCut)
    {
        var (entries, cursor) = (new List<LogEntry>(), "");
        var whole = isCut ? text.AsSpan(0, text.LastIndexOf('\n') + 1) : text.AsSpan();
        foreach (var range in whole.Split('\n'))
        {
            if (whole[range] is { IsEmpty: false } line && TryRead(line.ToString(), out var entry, out var at))
            {
                entries.Add(entry);
                cursor = at;
            }
        }

        return (entries, cursor);
    }

    private static bool TryRead(string line, out LogEntry entry, out string cursor)
    {
        (entry, cursor) = (new LogEntry(), "");
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return false;
            }

            foreach (var field in document.RootElement.EnumerateObject())
            {
                var value = Text(field.Value);
                switch (field.Name)
                {
                    case "__CURSOR":
                        cursor = value;
                        break;
                    case "__REALTIME_TIMESTAMP" when long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds):
                        entry.Time = Timestamp.FromDateTime(DateTime.UnixEpoch.AddTicks(Math.Min(microseconds, 1L << 52) * TimeSpan.TicksPerMicrosecond));
                        break;
                    case "_SYSTEMD_UNIT":
                        entry.Unit = ForeignText.Plain(value, NameMax);
                        break;
                    case "SYSLOG_IDENTIFIER":
                        entry.Identifier = ForeignText.Plain(value, NameMax);
                        break;
                    case "_PID" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var pid):
                        entry.Pid = pid;
                        break;
                    case "PRIORITY" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var priority) && priority is >= 0 and <= 7:
                        entry.Priority = priority;
                        break;
                    case "MESSAGE":
                        entry.Message = ForeignText.Fit(value, MessageMax);
                        break;
                }
            }

            return cursor.Length > 0 && entry.Time is not null;
        }
        catch (JsonException)
        {
            // A line that journalctl did not write as an entry, such as a warning: there is nothing to tell of it.
            return false;
        }
    }

    // A text; an array of bytes where it is not UTF-8; an array of texts where the field is there several times; null where it is too long for journalctl.
    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Array when value.EnumerateArray().All(static part => part.ValueKind == JsonValueKind.Number) =>
            Encoding.UTF8.GetString([.. value.EnumerateArray().Select(static part => part.TryGetByte(out var one) ? one : (byte)'?')]),
        JsonValueKind.Array => string.Join(' ', value.EnumerateArray().Where(static part => part.ValueKind == JsonValueKind.String).Select(static part => part.GetString())),
        JsonValueKind.Null => "(too long to be shown)",
        _ => value.GetRawText(),
    };
}

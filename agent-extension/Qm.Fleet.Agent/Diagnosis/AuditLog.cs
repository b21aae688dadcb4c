using System.Text;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>Finds SELinux's denials in the kernel's audit log without ausearch, in one pass and with bounded memory.</summary>
internal static class AuditLog
{
    private const int LinesMax = 1000;
    private const int LineBytesMax = 8 * 1024;
    private const int BytesMax = 64 * 1024 * 1024;
    private const string Directory = "/var/log/audit";
    private static readonly string[] Types = ["type=AVC ", "type=USER_AVC ", "type=SELINUX_ERR "];

    /// <summary>The last denials, oldest first; null when there is no log.</summary>
    /// <exception cref="NodeFileException">It is there but cannot be read.</exception>
    public static string? Denials(NodeRoot root)
    {
        if (!root.List(Directory).Contains("audit.log"))
        {
            return null;
        }

        using var directory = root.OpenDirectory(Directory);
        using var file = root.Calls.Open(directory, "audit.log", OpenKind.Read);
        var (last, line) = (new Queue<string>(), new StringBuilder());
        var (buffer, total) = (new byte[16 * 1024], 0);
        while (total < BytesMax && root.Calls.Read(file, buffer, $"{Directory}/audit.log") is > 0 and var count)
        {
            total += count;
            // Records are ASCII; anything else in them is escaped.
            foreach (var letter in Encoding.Latin1.GetString(buffer, 0, count))
            {
                if (letter != '\n')
                {
                    _ = line.Length < LineBytesMax ? line.Append(letter) : line;
                    continue;
                }

                Keep(last, line.ToString());
                line.Clear();
            }
        }

        return string.Join('\n', last);
    }

    private static void Keep(Queue<string> last, string line)
    {
        if (!Array.Exists(Types, type => line.StartsWith(type, StringComparison.Ordinal)))
        {
            return;
        }

        last.Enqueue(line);
        if (last.Count > LinesMax)
        {
            last.Dequeue();
        }
    }
}

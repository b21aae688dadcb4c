using System.Text;
using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>Finds SELinux's denials in the kernel's audit log without ausearch, in one pass over the end of it and with bounded memory.</summary>
internal static class AuditLog
{
    private const int LinesMax = 1000;
    private const int LineBytesMax = 8 * 1024;
    private const int BytesMax = 64 * 1024 * 1024;
    private const string Directory = "/var/log/audit";
    private const string Current = "audit.log";
    private static readonly string[] Files = ["audit.log.1", Current];
    private static readonly string[] Types = ["type=AVC ", "type=USER_AVC ", "type=SELINUX_ERR "];

    /// <summary>The last denials, oldest first; null when there is no log.</summary>
    /// <param name="root">The node.</param>
    /// <param name="bytesMax">How much of the end of a file is read; a denial before that is not told.</param>
    /// <exception cref="NodeFileException">It is there but cannot be read.</exception>
    public static string? Denials(NodeRoot root, int bytesMax = BytesMax)
    {
        // auditd begins a new file when one is full: what happened just before lies in the other.
        string[] names = [.. Files.Intersect(root.List(Directory))];
        if (!names.Contains(Current))
        {
            return null;
        }

        using var directory = root.OpenDirectory(Directory);
        var last = new Queue<string>();
        foreach (var name in names)
        {
            using var file = root.Calls.Open(directory, name, OpenKind.Read);
            Read(file, directory.Of(name), bytesMax, last);
        }

        return string.Join('\n', last);
    }

    private static void Read(SafeFileHandle file, string path, int bytesMax, Queue<string> last)
    {
        var size = TreeCalls.Look(file, path).Size;
        var (line, buffer, at) = (new StringBuilder(), new byte[16 * 1024], Math.Max(size - bytesMax, 0));
        // The first of a part is mostly not a whole line.
        var isWhole = at == 0;
        while (at < size && ReadAt(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, size - at)), at, path) is > 0 and var count)
        {
            at += count;
            // Records are ASCII; anything else in them is escaped.
            foreach (var letter in Encoding.Latin1.GetString(buffer, 0, count))
            {
                if (letter != '\n')
                {
                    _ = line.Length < LineBytesMax ? line.Append(letter) : line;
                    continue;
                }

                if (isWhole)
                {
                    Keep(last, line.ToString());
                }

                (isWhole, _) = (true, line.Clear());
            }
        }
    }

    private static int ReadAt(SafeFileHandle file, Span<byte> buffer, long at, string path)
    {
        try
        {
            return RandomAccess.Read(file, buffer, at);
        }
        catch (IOException e)
        {
            throw new NodeFileException("read", path, Errno.InputOutput, e.Message);
        }
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

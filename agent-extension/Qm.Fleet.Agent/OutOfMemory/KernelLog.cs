using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.OutOfMemory;

namespace Qm.Fleet.Agent.OutOfMemory;

/// <summary>
/// Reads <c>/dev/kmsg</c> of the node, from the oldest record the kernel still has, without ever waiting for one. On a root that is not this
/// machine's it may be a plain file of the same lines, which grows, and which a boot replaces.
/// </summary>
internal sealed partial class KernelLog(NodeRoot root) : IDisposable
{
    /// <summary>Where it is.</summary>
    public const string Device = "/dev/kmsg";

    // A record of the kernel is never longer; a shorter buffer would be refused.
    private const int RecordBytesMax = 16 * 1024;

    // What one round reads at most: a kernel that logs without end must not keep the agent.
    private const int RecordsMax = 50_000;

    private readonly byte[] _buffer = new byte[RecordBytesMax];
    private readonly List<byte> _rest = [];
    private SafeFileHandle? _file;
    private FileIdentity? _identity;
    private ulong _read;

    /// <summary>Why it cannot be read, a sentence; empty while it can.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>The records that are new, in order.</summary>
    public IEnumerable<KmsgRecord> Read()
    {
        for (var records = 0; records < RecordsMax && NextLine() is { } line;)
        {
            if (KmsgRecord.TryParse(line, out var record))
            {
                records++;
                yield return record;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private string? NextLine()
    {
        while (true)
        {
            var end = _rest.IndexOf((byte)'\n');
            if (end >= 0)
            {
                var line = Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(_rest)[..end]);
                _rest.RemoveRange(0, end + 1);
                return line;
            }

            // A line without an end is no record of a kernel.
            if (_rest.Count > RecordBytesMax)
            {
                _rest.Clear();
            }

            if (!TryFill())
            {
                return null;
            }
        }
    }

    // False when there is nothing new.
    private bool TryFill()
    {
        if ((_file ??= Open()) is not { } file)
        {
            return false;
        }

        while (true)
        {
            var count = ReadFile(file, _buffer, (nuint)_buffer.Length);
            if (count > 0)
            {
                _rest.AddRange(_buffer.AsSpan(0, (int)count));
                _read += (ulong)count;
                return true;
            }

            // What is lost shows in the sequence numbers.
            if (count < 0 && Marshal.GetLastPInvokeError() is Errno.Interrupted or Errno.BrokenPipe)
            {
                continue;
            }

            if (count == 0)
            {
                LeaveIfReplaced();
            }
            else if (Marshal.GetLastPInvokeError() is not Errno.TryAgain and var errno)
            {
                Problem = $"the kernel log {Device} cannot be read: {Marshal.GetPInvokeErrorMessage(errno)}";
                Leave();
            }

            return false;
        }
    }

    private SafeFileHandle? Open()
    {
        try
        {
            var file = root.OpenFile(Device);
            _identity = FileIdentity.Of($"/proc/self/fd/{file.DangerousGetHandle()}");
            (_read, Problem) = (0, "");
            return file;
        }
        catch (NodeFileException e)
        {
            Problem = $"the agent {e.Message}";
            return null;
        }
    }

    // Only a plain file has an end.
    private void LeaveIfReplaced()
    {
        try
        {
            using var now = root.OpenFile(Device);
            if (FileIdentity.Of($"/proc/self/fd/{now.DangerousGetHandle()}") is { } identity && (identity.Inode != _identity?.Inode || identity.Length < _read))
            {
                Leave();
            }
        }
        catch (NodeFileException e)
        {
            Problem = $"the agent {e.Message}";
            Leave();
        }
    }

    private void Leave()
    {
        _file?.Dispose();
        _file = null;
        _rest.Clear();
    }

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFile(SafeFileHandle file, Span<byte> buffer, nuint count);
}

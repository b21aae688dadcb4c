using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Processes;

/// <summary>A process held by a file descriptor: a signal reaches this one or nobody, whoever has its number by then.</summary>
internal static partial class PidFd
{
    // The same on every architecture since Linux 5.3.
    private const long OpenNumber = 434;
    private const long SendSignalNumber = 424;
    private const int KillSignal = 9;

    /// <summary>Holds a process; null when there is none.</summary>
    /// <exception cref="NodeFileException">The kernel refuses.</exception>
    public static SafeFileHandle? Open(int pid)
    {
        var handle = OpenPidFd(OpenNumber, pid, 0);
        return handle >= 0 ? new((nint)handle, ownsHandle: true) : Marshal.GetLastPInvokeError() == Errno.NoSuchProcess ? null : throw Failure("hold", pid);
    }

    /// <summary>Kills it; one that has ended is not an error.</summary>
    /// <param name="process">What <see cref="Open"/> gave.</param>
    /// <param name="pid">Its number, for messages.</param>
    /// <exception cref="NodeFileException">The agent may not.</exception>
    public static void Kill(SafeFileHandle process, int pid)
    {
        if (SendSignal(SendSignalNumber, process, KillSignal, 0, 0) < 0 && Marshal.GetLastPInvokeError() != Errno.NoSuchProcess)
        {
            throw Failure("end", pid);
        }
    }

    private static NodeFileException Failure(string verb, int pid)
    {
        var errno = Marshal.GetLastPInvokeError();
        return new(verb, $"/proc/{pid}", errno, Marshal.GetPInvokeErrorMessage(errno));
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long OpenPidFd(long number, long pid, long flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SendSignal(long number, SafeFileHandle process, long signal, nint information, long flags);
}

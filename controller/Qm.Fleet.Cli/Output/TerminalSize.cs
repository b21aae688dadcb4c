using System.Runtime.InteropServices;

namespace Qm.Fleet.Cli.Output;

/// <summary>How wide a terminal is, asked of the kernel: Console would set the terminal up for reading keys first.</summary>
internal static partial class TerminalSize
{
    // TIOCGWINSZ of asm-generic/ioctls.h, which x86 and Arm have.
    private const nuint GetWindowSize = 0x5413;

    /// <summary>Columns of the terminal that a file descriptor is; null for what is none, or does not say.</summary>
    internal static int? Width(int descriptor) => Ioctl(descriptor, GetWindowSize, out var size) == 0 && size.Columns > 0 ? size.Columns : null;

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Ioctl(int descriptor, nuint request, out WindowSize size);

    /// <summary>struct winsize.</summary>
    private struct WindowSize
    {
        public ushort Rows;
        public ushort Columns;
        public ushort PixelsWide;
        public ushort PixelsHigh;
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qm.Fleet.Benchmarks.Agents;

/// <summary>
/// Which functions of a running program are entered, in the order of their first time: a breakpoint on each, which is gone once it was hit (ptrace(2), x86-64 only).
/// The traced process is to be ended before the trace is disposed.
/// </summary>
internal sealed partial class FunctionTrace : IAsyncDisposable
{
    private const byte Breakpoint = 0xcc;
    private const int Continue = 7;
    private const int GetRegisters = 12;
    private const int SetRegisters = 13;
    private const int Seize = 0x4206;
    private const int TraceClones = 8;
    private const int AnyChild = 0;
    private const int OneChild = 1;
    private const int Stops = 2;
    private const int Ends = 4;
    private const int Leave = 0x01000000;
    private const int AnyThread = 0x40000000;
    private const int Trapped = 4;
    private const int Stopped = 5;
    private const int Trap = 5;
    private const int InstructionPointer = 16;
    private const int Registers = 27;

    private readonly int _process;
    private readonly Dictionary<long, string> _functions;
    private readonly Dictionary<long, byte> _covered = [];
    private readonly ConcurrentQueue<string> _entered = new();
    private readonly TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private FunctionTrace(int process, IEnumerable<(long Offset, string Name)> functions)
    {
        _process = process;
        var start = Convert.ToInt64(File.ReadLines($"/proc/{process}/maps").First().Split('-')[0], 16);
        _functions = functions.ToDictionary(function => start + function.Offset, function => function.Name);
    }

    /// <summary>The functions entered so far.</summary>
    internal IReadOnlyList<string> Entered => [.. _entered];

    /// <summary>Begins to trace.</summary>
    /// <param name="process">All of its threads, those to come included.</param>
    /// <param name="functions">Where each begins, from the start of the program, and its name.</param>
    internal static async Task<FunctionTrace> StartAsync(Process process, IEnumerable<(long Offset, string Name)> functions)
    {
        var trace = new FunctionTrace(process.Id, functions);
        // The kernel takes a tracer's orders from the thread only that began to trace.
        new Thread(trace.Run) { IsBackground = true, Name = "tracer" }.Start();
        await trace._attached.Task;
        return trace;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await _ended.Task;

    private void Run()
    {
        try
        {
            using var memory = File.OpenHandle($"/proc/{_process}/mem", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            foreach (var thread in Directory.EnumerateDirectories($"/proc/{_process}/task"))
            {
                Order(Seize, int.Parse(Path.GetFileName(thread), CultureInfo.InvariantCulture), TraceClones);
            }

            foreach (var address in _functions.Keys)
            {
                _covered[address] = Swap(memory, address, Breakpoint);
            }

            _attached.SetResult();
            Serve(memory);
            _ended.SetResult();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            _attached.TrySetException(e);
            _ended.TrySetException(e);
        }
    }

    // Without a pause: the program's collector stops its threads by signals, and repeats them until each has heard one.
    private void Serve(SafeFileHandle memory)
    {
        while (WaitForAny(AnyChild, 0, out var news, Stops | Ends | AnyThread | Leave) == 0)
        {
            if (news.Code is not (Stopped or Trapped))
            {
                if (news.Thread == _process)
                {
                    // Whoever started it waits for it.
                    return;
                }

                _ = WaitForAny(OneChild, news.Thread, out _, Ends | AnyThread);
                continue;
            }

            _ = WaitForAny(OneChild, news.Thread, out _, Stops | AnyThread);
            var (signal, isEvent) = (news.Status & 0xff, news.Status >> 8 != 0);
            var isOurs = isEvent || (signal == Trap && Pass(memory, news.Thread));
            _ = Trace(Continue, news.Thread, 0, isOurs ? 0 : signal);
        }
    }

    // Several threads may hit the same breakpoint before the first has taken it away.
    private bool Pass(SafeFileHandle memory, int thread)
    {
        var registers = new ulong[Registers];
        if (TraceRegisters(GetRegisters, thread, 0, registers) < 0 || !_functions.TryGetValue((long)registers[InstructionPointer] - 1, out var name))
        {
            return false;
        }

        registers[InstructionPointer]--;
        var address = (long)registers[InstructionPointer];
        if (_covered.Remove(address, out var code))
        {
            Swap(memory, address, code);
            _entered.Enqueue(name);
        }

        return TraceRegisters(SetRegisters, thread, 0, registers) >= 0;
    }

    private static byte Swap(SafeFileHandle memory, long address, byte other)
    {
        Span<byte> code = [0];
        RandomAccess.Read(memory, code, address);
        RandomAccess.Write(memory, [other], address);
        return code[0];
    }

    private static void Order(int request, int thread, nint data)
    {
        if (Trace(request, thread, 0, data) < 0)
        {
            throw new InvalidOperationException($"the kernel refuses to trace thread {thread}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "ptrace", SetLastError = true)]
    private static partial nint Trace(nint request, int thread, nint address, nint data);

    [LibraryImport("libc", EntryPoint = "ptrace", SetLastError = true)]
    private static partial nint TraceRegisters(nint request, int thread, nint address, [In, Out] ulong[] registers);

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static partial int WaitForAny(int kind, int which, out News news, int options);

    // siginfo_t as waitid(2) fills it.
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct News
    {
        [FieldOffset(8)]
        public int Code;
        [FieldOffset(16)]
        public int Thread;
        [FieldOffset(24)]
        public int Status;
    }
}

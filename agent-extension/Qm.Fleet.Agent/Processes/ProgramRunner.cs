using System.Buffers;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Qm.Fleet.Agent.Processes;

/// <summary>Runs one program, bounded in time and in output; how it fails is a result, not an exception.</summary>
internal static class ProgramRunner
{
    private const int BufferBytes = 16 * 1024;

    /// <summary>Runs it to its end or its deadline; its standard input is empty.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up; the program was killed.</exception>
    public static async Task<ProgramResult> RunAsync(ProgramCall call, TimeProvider time, CancellationToken cancellationToken)
    {
        using var process = new Process { StartInfo = Describe(call) };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            return ProgramResult.NotRun($"{call.File} cannot be run: {e.Message}.");
        }

        using var deadline = new CancellationTokenSource(call.Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var (output, errors) = (new KeptOutput(call.OutputBytesMax), new KeptOutput(call.OutputBytesMax));
        try
        {
            process.StandardInput.Close();
            await Task.WhenAll(
                output.ReadAsync(process.StandardOutput.BaseStream, either.Token),
                errors.ReadAsync(process.StandardError.BaseStream, either.Token),
                process.WaitForExitAsync(either.Token)).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            return new(ProgramEnd.TimedOut, -1, output.Text, errors.Text, output.IsCut || errors.IsCut);
        }

        return new(ProgramEnd.Exited, process.ExitCode, output.Text, errors.Text, output.IsCut || errors.IsCut);
    }

    private static ProcessStartInfo Describe(ProgramCall call)
    {
        var start = new ProcessStartInfo(call.File, call.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // Messages are compared and shown: one language.
            Environment = { ["LC_ALL"] = "C.UTF-8" },
        };
        foreach (var (name, value) in call.Environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private sealed class KeptOutput(int bytesMax)
    {
        private readonly ArrayBufferWriter<byte> _kept = new();

        public bool IsCut { get; private set; }

        public string Text => Encoding.UTF8.GetString(_kept.WrittenSpan);

        public async Task ReadAsync(Stream stream, CancellationToken cancellationToken)
        {
            var buffer = new byte[BufferBytes];
            while (await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var count)
            {
                var kept = Math.Min(count, bytesMax - _kept.WrittenCount);
                _kept.Write(buffer.AsSpan(0, kept));
                IsCut |= kept < count;
            }
        }
    }
}

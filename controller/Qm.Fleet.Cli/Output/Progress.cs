using System.Globalization;

namespace Qm.Fleet.Cli.Output;

/// <summary>How many bytes are through: one line that grows on a terminal; in a pipe a line for each step.</summary>
/// <param name="context">Where to show.</param>
/// <param name="what">What is under way.</param>
/// <param name="total">Bytes in all; 0 when nobody knows.</param>
internal sealed class Progress(CliContext context, string what, long total = 0)
{
    private const long Mebibyte = 1024 * 1024;
    private readonly long _step = Math.Max(total / 10, Mebibyte);
    private long _shown;
    private int _widest;

    /// <summary>Shows it, where it is time to.</summary>
    public async Task ShowAsync(long bytes)
    {
        if (context.ErrorIsTerminal)
        {
            _shown = bytes;
            var line = Line(bytes);
            _widest = Math.Max(_widest, line.Length);
            await context.Error.WriteAsync($"\r{line} ");
        }
        else if (bytes / _step > _shown / _step)
        {
            _shown = bytes;
            await context.Error.WriteLineAsync(Line(bytes));
        }
    }

    /// <summary>Leaves an empty line to what comes next.</summary>
    public async Task EndAsync()
    {
        if (_widest > 0)
        {
            await context.Error.WriteAsync($"\r{new string(' ', _widest)}\r");
        }
    }

    private string Line(long bytes) => total == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{what}: {Kibibytes(bytes)} KiB")
        : string.Create(CultureInfo.InvariantCulture, $"{what}: {Kibibytes(bytes)} of {Kibibytes(total)} KiB, {100 * bytes / total} %");

    /// <summary>Bytes as whole KiB; what has begun counts.</summary>
    internal static long Kibibytes(long bytes) => (bytes + 1023) / 1024;
}

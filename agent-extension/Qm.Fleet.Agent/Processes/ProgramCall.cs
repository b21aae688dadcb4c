namespace Qm.Fleet.Agent.Processes;

/// <summary>A program to run, without a shell.</summary>
/// <param name="File">Its absolute path.</param>
/// <param name="Arguments">One entry an argument.</param>
/// <param name="Deadline">After this the program and what it started are killed.</param>
/// <param name="OutputBytesMax">The most that is kept of each of its two outputs; the rest is read and dropped, so that it never blocks.</param>
internal sealed record ProgramCall(string File, IReadOnlyList<string> Arguments, TimeSpan Deadline, int OutputBytesMax)
{
    /// <summary>Variables it gets besides those of the agent.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}

/// <summary>How a program ended.</summary>
internal enum ProgramEnd
{
    /// <summary>By itself, with an exit code.</summary>
    Exited,

    /// <summary>It was never begun: it is not there or may not be run here.</summary>
    NotRun,

    /// <summary>It was killed at its deadline.</summary>
    TimedOut,
}

/// <summary>What a program said, and how it ended.</summary>
/// <param name="End">How.</param>
/// <param name="ExitCode">As a shell reports it, 128 and the signal's number for a signal; -1 unless it exited.</param>
/// <param name="Output">Its standard output, from the beginning.</param>
/// <param name="Errors">Its standard error, from the beginning; for <see cref="ProgramEnd.NotRun"/> a sentence that says why.</param>
/// <param name="IsCut">Whether one of them was longer than what is kept.</param>
internal sealed record ProgramResult(ProgramEnd End, int ExitCode, string Output, string Errors, bool IsCut)
{
    /// <summary>Whether it ended by itself with exit code 0.</summary>
    public bool Succeeded => End == ProgramEnd.Exited && ExitCode == 0;

    /// <summary>A program that was never begun.</summary>
    public static ProgramResult NotRun(string why) => new(ProgramEnd.NotRun, -1, "", why, false);
}

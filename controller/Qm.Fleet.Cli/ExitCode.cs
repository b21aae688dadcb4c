namespace Qm.Fleet.Cli;

/// <summary>How qmfleet ends; scripts rely on the numbers.</summary>
internal static class ExitCode
{
    internal const int Done = 0;
    internal const int Failed = 1;

    /// <summary>The command line or the input is wrong; nothing was stored.</summary>
    internal const int Invalid = 2;
    internal const int NotFound = 3;

    /// <summary>The server will not do it for this caller, or in this state.</summary>
    internal const int Refused = 4;
    internal const int TimedOut = 5;

    /// <summary>The server cannot be reached.</summary>
    internal const int Unreachable = 6;

    /// <summary>Ended by Ctrl-C, as a shell reports it.</summary>
    internal const int Interrupted = 130;

    internal const string Help = "Exit codes: 0 done, 1 failed, 2 usage or invalid input, 3 not found, 4 refused, 5 timed out, 6 unreachable.";
}

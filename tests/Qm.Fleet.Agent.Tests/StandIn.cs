using System.Diagnostics;

namespace Qm.Fleet.Agent.Tests;

/// <summary>A script in the place of a program of the node.</summary>
internal static class StandIn
{
    /// <summary>Makes a file that was just written one that can be run at once.</summary>
    /// <remarks>
    /// A process that another test starts while this one has the file open holds it open, too, until it runs its own program, and the kernel runs nothing that is open for
    /// writing (ETXTBSY of execve(2)). The copy that takes its place was never open in this process.
    /// </remarks>
    /// <param name="path">The file.</param>
    internal static void MakeExecutable(string path)
    {
        using var copying = Process.Start("/bin/sh", ["-c", "cp \"$1\" \"$1.copy\" && chmod 500 \"$1.copy\" && mv -f \"$1.copy\" \"$1\"", "sh", path]);
        copying.WaitForExit();
        Assert.Equal(0, copying.ExitCode);
    }
}

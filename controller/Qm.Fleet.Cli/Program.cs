using System.Runtime.InteropServices;
using Qm.Fleet.Cli;

using var cancel = new CancellationTokenSource();

// The second Ctrl-C ends it at once, whatever the first one waits for.
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
{
    signal.Cancel = !cancel.IsCancellationRequested;
    cancel.Cancel();
});
return await CommandLine.RunAsync(args, CliContext.FromConsole(), cancel.Token);

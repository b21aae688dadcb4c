using Qm.Fleet.Cli;

using var cancel = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    // The second Ctrl-C ends it at once, whatever the first one waits for.
    e.Cancel = !cancel.IsCancellationRequested;
    cancel.Cancel();
};
return await CommandLine.RunAsync(args, CliContext.FromConsole(), cancel.Token);

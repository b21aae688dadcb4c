using System.Runtime.InteropServices;
using Grpc.Core;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab;
using Qm.Fleet.Lab.Processes;

using var ending = new CancellationTokenSource();
void End(PosixSignalContext context)
{
    context.Cancel = true;
    ending.Cancel();
}

using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
try
{
    return await CommandLine.Create().Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, ending.Token);
}
catch (OperationCanceledException) when (ending.IsCancellationRequested)
{
    return 130;
}
catch (Exception e) when (e is LabException or BusException)
{
    await Console.Error.WriteLineAsync($"qmfleet-lab: {e.Message}");
    return 1;
}
catch (RpcException e)
{
    await Console.Error.WriteLineAsync($"qmfleet-lab: the controller answered {e.StatusCode}: {e.Status.Detail}");
    return 1;
}

using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Waits for the end of an operation, and shows what it is at.</summary>
internal static class OperationWait
{
    // The server answers as soon as it has ended; so long a quiet one is asked after again.
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Waits until it has ended, or <paramref name="limit"/> is over.</summary>
    /// <returns>An <see cref="ExitCode"/>: done, failed or timed out; and the operation as it is then.</returns>
    internal static async Task<(int End, Operation Operation)> ForAsync(
        Operation operation, FleetConnection connection, CliContext context, TimeSpan limit, CancellationToken ct)
    {
        var started = context.Time.GetTimestamp();
        operation = await LiveLine.RunAsync(context, $"waiting for {What(operation)}", show => AskAsync(operation, show));
        if (!operation.Done)
        {
            await context.Error.WriteLineAsync(PlainText.Of($"{What(operation)} has not ended after {Durations.Show(limit)}{Colon(operation.Message)}"));
            await context.Error.WriteLineAsync($"It goes on without you; look with qmfleet get operation/{OperationKind.Short(operation.Name)}");
            return (ExitCode.TimedOut, operation);
        }

        await context.Error.WriteLineAsync(PlainText.Of(operation.Error.Length > 0
            ? $"{What(operation)} failed: {operation.Error}" : $"Done in {Durations.Show(context.Time.GetElapsedTime(started))}{Colon(operation.Message)}"));
        return (operation.Error.Length > 0 ? ExitCode.Failed : ExitCode.Done, operation);

        async Task<Operation> AskAsync(Operation known, Action<string> show)
        {
            var said = "";
            while (!known.Done && limit - context.Time.GetElapsedTime(started) is var left && left > TimeSpan.Zero)
            {
                if (known.Message.Length > 0 && known.Message != said)
                {
                    said = known.Message;
                    show(PlainText.Of($"{What(known)}: {said}"));
                }

                try
                {
                    known = await connection.Operations.WaitAsync(
                        new() { Name = known.Name, Timeout = (left < Turn ? left : Turn).ToDuration() }, cancellationToken: ct);
                }
                catch (RpcException e) when (!ct.IsCancellationRequested && RpcErrors.IsLost(e))
                {
                    show($"the server went away ({RpcErrors.Deepest(e)}); asking again");
                    await Task.Delay(Pause, context.Time, ct);
                }
                catch (RpcException e) when (!ct.IsCancellationRequested && e.StatusCode == StatusCode.DeadlineExceeded)
                {
                    show($"{What(known)}: the server did not say yet; asking again");
                }
            }

            return known;
        }
    }

    /// <summary>What it is about, for a line.</summary>
    internal static string What(Operation operation) =>
        $"{operation.Kind} {(operation.Node.Length == 0 ? operation.Target : operation.Unit.Length == 0 ? operation.Node : $"{operation.Node} {operation.Unit}{(operation.OnHost ? " on the host" : "")}")}".TrimEnd();

    private static string Colon(string message) => message.Length > 0 ? $": {message}" : "";
}

using Grpc.Core;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>Somebody who did nothing, and is served whatever others do.</summary>
internal static class Witness
{
    /// <summary>Asks over TLS, on a connection of its own.</summary>
    public static async Task IsServedAsync(RunningController controller)
    {
        using var channel = controller.Admin();
        await new V1.FleetService.FleetServiceClient(channel).ListAsync(
            new V1.ListFleetsRequest(), deadline: DateTime.UtcNow + RunningController.Deadline, cancellationToken: TestContext.Current.CancellationToken);
    }

    /// <summary>Waits for the event that somebody reached a limit.</summary>
    public static async Task<EventDraft> ToldAsync(RunningController controller, string limit)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(RunningController.Deadline);
        while (true)
        {
            var told = controller.Service<EventLog>().After(0, "", "", 100).Select(static stored => stored.Draft)
                .FirstOrDefault(draft => draft.Reason == LimitTrail.Reason && draft.Message.StartsWith(limit, StringComparison.Ordinal));
            if (told is not null)
            {
                return told;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(20), late.Token);
        }
    }

    /// <summary>How a call ends for somebody.</summary>
    public static async Task<StatusCode> CallAsync(ChannelBase channel, Metadata? headers = null)
    {
        try
        {
            await new V1.FleetService.FleetServiceClient(channel).ListAsync(
                new V1.ListFleetsRequest(), headers, DateTime.UtcNow + RunningController.Deadline, TestContext.Current.CancellationToken);
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }
}

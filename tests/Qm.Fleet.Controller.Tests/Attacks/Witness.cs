using Grpc.Core;

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

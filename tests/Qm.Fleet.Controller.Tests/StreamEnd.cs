using Grpc.Core;

namespace Qm.Fleet.Controller.Tests;

/// <summary>How a stream ends that somebody else ends: whatever was still told, such as of that very end, comes first.</summary>
internal static class StreamEnd
{
    /// <summary>Reads on until the stream fails, and answers how.</summary>
    public static Task<RpcException> EndsAsync<T>(this AsyncServerStreamingCall<T> stream) => Assert.ThrowsAsync<RpcException>(async () =>
    {
        while (await stream.ResponseStream.MoveNext(TestContext.Current.CancellationToken).WaitAsync(RunningController.Deadline, TestContext.Current.CancellationToken))
        {
        }
    });
}

using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.BlueChi.Bus;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Bus;

public sealed class BusConnectionTests(PrivateBus bus) : IClassFixture<PrivateBus>
{
    private const string Path = "/test";
    private const string Interface = "test.Interface";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Requirement", "QMF-BUS-001")]
    public async Task Call_AnyValues_ComeBackAsTheyWent()
    {
        await using var service = await bus.ConnectAsync();
        await using var client = await bus.ConnectAsync();
        service.Serve(Path, call =>
        {
            call.Reply(call.Body);
            return Task.CompletedTask;
        });

        await BusValueGenerator.Any.Array[0, 3].SampleAsync(async values =>
        {
            var reply = await client.CallAsync(service.UniqueName, Path, Interface, "Echo", [.. values], Deadline, ct: Ct);

            Assert.Equal(values, reply);
        }, iter: 300, threads: 1);
    }

    [Fact]
    [Trait("Requirement", "QMF-BUS-002")]
    public async Task Calls_ThatHaveEnded_LeaveNothingBehind()
    {
        await using var service = await bus.ConnectAsync();
        await using var client = await bus.ConnectAsync();
        service.Serve(Path, call => call.Member == "Refuse" ? throw new BusErrorException("test.Refused", "no") : Task.CompletedTask);

        await Task.WhenAll(Enumerable.Range(0, 200).Select(number => Assert.ThrowsAsync<BusErrorException>(
            () => client.CallAsync(service.UniqueName, Path, Interface, number % 2 == 0 ? "Refuse" : "Forget", [], Deadline, ct: Ct))));

        Assert.Equal(0, client.CallsUnderWay);
    }

    [Fact]
    [Trait("Requirement", "QMF-BUS-001")]
    public async Task Call_FileDescriptor_ReadsTheSameFile()
    {
        await using var service = await bus.ConnectAsync();
        await using var client = await bus.ConnectAsync();
        service.Serve(Path, call =>
        {
            using var received = new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(((BusValue.FileDescriptor)call.Body[0]).Value, ownsHandle: true), FileAccess.Read);
            call.Reply(new StreamReader(received).ReadToEnd());
            return Task.CompletedTask;
        });
        var path = System.IO.Path.GetTempFileName();
        await File.WriteAllTextAsync(path, "through the bus", Ct);
        await using var file = File.OpenRead(path);

        var reply = await client.CallAsync(
            service.UniqueName, Path, Interface, "Read", [new BusValue.FileDescriptor((int)file.SafeFileHandle.DangerousGetHandle())], Deadline, ct: Ct);

        Assert.Equal("through the bus", reply[0].AsText());
        File.Delete(path);
    }

    [Fact]
    [Trait("Requirement", "QMF-BUS-002")]
    public async Task Call_NoReply_EndsAtItsDeadline()
    {
        var time = new FakeTimeProvider();
        await using var service = await bus.ConnectAsync();
        await using var client = await BusConnection.ConnectAsync(bus.Address, Deadline, time, Ct);
        var called = new TaskCompletionSource();
        service.Serve(Path, _ =>
        {
            called.SetResult();
            return new TaskCompletionSource().Task;
        });

        var call = client.CallAsync(service.UniqueName, Path, Interface, "Sleep", [], TimeSpan.FromSeconds(30), ct: Ct);
        await called.Task.WaitAsync(Deadline, Ct);
        Assert.False(call.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(30));

        await Assert.ThrowsAsync<BusTimeoutException>(() => call);
    }

    [Fact]
    [Trait("Requirement", "QMF-BUS-002")]
    public async Task Call_Cancelled_EndsAtOnce()
    {
        await using var service = await bus.ConnectAsync();
        await using var client = await bus.ConnectAsync();
        service.Serve(Path, _ => new TaskCompletionSource().Task);
        using var cancel = new CancellationTokenSource();

        var call = client.CallAsync(service.UniqueName, Path, Interface, "Sleep", [], Deadline, ct: cancel.Token);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task Call_HandlerThrows_AnswersWithItsError()
    {
        await using var service = await bus.ConnectAsync();
        await using var client = await bus.ConnectAsync();
        service.Serve(Path, _ => throw new BusErrorException("org.eclipse.bluechi.Offline", "Node is offline"));

        var error = await Assert.ThrowsAsync<BusErrorException>(() => client.CallAsync(service.UniqueName, Path, Interface, "Any", [], Deadline, ct: Ct));

        Assert.Equal(("org.eclipse.bluechi.Offline", "Node is offline"), (error.Name, error.Message));
    }

    [Fact]
    public async Task Call_SlowHandler_DelaysNobodyElse()
    {
        await using var service = await bus.ConnectAsync();
        await using var client = await bus.ConnectAsync();
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        service.Serve(Path, async call =>
        {
            if (call.Member == "Slow")
            {
                await release.Task;
            }

            call.Reply(call.Member);
        });

        var slow = client.CallAsync(service.UniqueName, Path, Interface, "Slow", [], Deadline, ct: Ct);
        var quick = await client.CallAsync(service.UniqueName, Path, Interface, "Quick", [], Deadline, ct: Ct);
        Assert.False(slow.IsCompleted);
        release.SetResult();

        Assert.Equal("Quick", quick[0].AsText());
        Assert.Equal("Slow", (await slow)[0].AsText());
    }

    [Fact]
    public async Task Call_ReplyThenSignal_ReplyIsSeenFirst()
    {
        await using var service = await bus.ConnectAsync();
        await using var client = await bus.ConnectAsync();
        var order = new List<string>();
        var done = new TaskCompletionSource();
        await using var match = await client.ListenAsync(new(service.UniqueName, Interface, "Done"), _ =>
        {
            order.Add("signal");
            done.SetResult();
        }, ct: Ct);
        service.Serve(Path, call =>
        {
            call.Reply();
            service.Emit(Path, Interface, "Done", []);
            return Task.CompletedTask;
        });

        await client.CallAsync(service.UniqueName, Path, Interface, "Go", [], Deadline, _ => order.Add("reply"), Ct);
        await done.Task.WaitAsync(Deadline, Ct);

        Assert.Equal(["reply", "signal"], order);
    }

    [Fact]
    public async Task Emit_ToOne_IsHeardByThatOneOnly()
    {
        await using var service = await bus.ConnectAsync();
        await using var addressed = await bus.ConnectAsync();
        await using var other = await bus.ConnectAsync();
        var heard = new TaskCompletionSource<string>();
        var heardByOther = new List<string>();
        var last = new TaskCompletionSource();
        await using var first = await addressed.ListenAsync(new(service.UniqueName, Interface), signal => heard.TrySetResult(signal.Body[0].AsText()), ct: Ct);
        await using var second = await other.ListenAsync(new(service.UniqueName, Interface), signal =>
        {
            heardByOther.Add(signal.Body[0].AsText());
            last.SetResult();
        }, ct: Ct);

        service.Emit(Path, Interface, "Told", ["for one"], addressed.UniqueName);
        service.Emit(Path, Interface, "Told", ["for all"]);
        await last.Task.WaitAsync(Deadline, Ct);

        Assert.Equal("for one", await heard.Task.WaitAsync(Deadline, Ct));
        Assert.Equal(["for all"], heardByOther);
    }

    [Fact]
    public async Task RequestName_Owned_IsRefused()
    {
        await using var first = await bus.ConnectAsync();
        await using var second = await bus.ConnectAsync();
        await first.RequestNameAsync("test.Name", Ct);

        await Assert.ThrowsAsync<BusErrorException>(() => second.RequestNameAsync("test.Name", Ct));

        Assert.Equal(first.UniqueName, await second.FindOwnerAsync("test.Name", Ct));
        Assert.Null(await second.FindOwnerAsync("test.Other", Ct));
        Assert.Equal(File.ReadLines("/proc/self/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1],
            (await second.GetUserIdAsync(first.UniqueName, Ct)).ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task Connect_NobodyThere_SaysWhere()
    {
        var error = await Assert.ThrowsAsync<BusConnectionException>(() =>
            BusConnection.ConnectAsync("unix:path=/nonexistent/bus.sock", Deadline, TimeProvider.System, Ct));

        Assert.Contains("/nonexistent/bus.sock", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Handler_Throws_EndsTheConnectionWithItsReason()
    {
        await using var service = await bus.ConnectAsync();
        var client = await bus.ConnectAsync();
        await client.ListenAsync(new(service.UniqueName, Interface), _ => throw new InvalidOperationException("no such state"), ct: Ct);

        service.Emit(Path, Interface, "Any", []);

        Assert.Contains("no such state", await client.Ended.WaitAsync(Deadline, Ct), StringComparison.Ordinal);
    }
}

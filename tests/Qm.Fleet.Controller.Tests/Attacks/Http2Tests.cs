namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>Frames of HTTP/2 as no client sends them.</summary>
[Trait("Requirement", "QMF-ATTACK-007")]
public sealed class Http2Tests
{
    private const string List = "/qm.fleet.v1.FleetService/List";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Frame_LargerThanAllowed_EndsTheConnection()
    {
        await using var controller = await RunningController.StartAsync();
        await using var wire = await AdminAsync(controller);

        await wire.SendAsync(Frame.Data, 0, 1, [0], claimed: (16 << 10) + 1);

        Assert.Equal("FRAME_SIZE_ERROR", await wire.EndAsync());
        await Witness.IsServedAsync(controller);
    }

    // CVE-2023-44487: each stream is given up as soon as it is asked for, so that none counts as open.
    [Fact]
    public async Task Streams_ResetAtOnce_EndTheConnectionOrAreHeldToThePace()
    {
        await using var controller = await RunningController.StartAsync();
        await using var wire = await AdminAsync(controller);
        var end = wire.EndAsync();
        var call = Http2Wire.Call(List);
        var sent = 0;
        for (var stream = 1; stream < 60_000 && !end.IsCompleted; stream += 2 * 100)
        {
            var burst = Enumerable.Range(0, 100).SelectMany(number => Http2Wire.Bytes(Frame.Headers, Frame.EndHeaders, stream + (2 * number), call)
                .Concat(Http2Wire.Bytes(Frame.Reset, 0, stream + (2 * number), [0, 0, 0, 8])));
            if (!await wire.SendAsync([.. burst]))
            {
                break;
            }
            sent += 100;
        }

        Assert.Contains(await end.WaitAsync(RunningController.Deadline, Ct), (string[])["ENHANCE_YOUR_CALM", "closed"]);
        Assert.InRange(sent, 1, 29_000);
        await Witness.IsServedAsync(controller);
    }

    [Fact]
    public async Task Headers_InContinuationsWithoutEnd_EndTheConnection()
    {
        await using var controller = await RunningController.StartAsync();
        await using var wire = await AdminAsync(controller);
        await wire.SendAsync(Frame.Headers, 0, 1, Http2Wire.Call(List));
        var end = wire.EndAsync();
        var more = new List<byte>();
        Http2Wire.Add(more, "x-more", new string('x', 8000));
        var sent = 0;

        while (sent < 10_000 && !end.IsCompleted && await wire.SendAsync(Frame.Continuation, 0, 1, [.. more]))
        {
            sent++;
        }

        Assert.NotEqual("NO_ERROR", await end.WaitAsync(RunningController.Deadline, Ct));
        Assert.InRange(sent, 1, 9_999);
        await Witness.IsServedAsync(controller);
    }

    [Fact]
    public async Task Continuations_ThatAreEmpty_EndTheConnectionInTime()
    {
        await using var controller = await RunningController.StartAsync();
        await using var wire = await AdminAsync(controller);
        await wire.SendAsync(Frame.Headers, 0, 1, Http2Wire.Call(List));
        var end = wire.EndAsync();
        var many = Enumerable.Repeat(Http2Wire.Bytes(Frame.Continuation, 0, 1, []), 100).SelectMany(static bytes => bytes).ToArray();

        // Headers that are not whole are not waited for, however busy the client is with them.
        while (!end.IsCompleted && await wire.SendAsync(many))
        {
            await Task.WhenAny(end, Task.Delay(TimeSpan.FromMilliseconds(20), Ct));
        }

        Assert.NotEqual("NO_ERROR", await end.WaitAsync(RunningController.Deadline, Ct));
        await Witness.IsServedAsync(controller);
    }

    // One header is put into the table, and then named by a byte each as often as a frame holds.
    [Fact]
    public async Task Bomb_OfHpack_IsNotUnpacked()
    {
        await using var controller = await RunningController.StartAsync();
        await using var wire = await AdminAsync(controller);
        var block = new List<byte>(Http2Wire.Call(List));
        Http2Wire.Add(block, "x-bomb", new string('x', 3900), kind: 0x40);
        block.AddRange(Enumerable.Repeat((byte)(0x80 | 62), 8000));
        var before = GC.GetTotalAllocatedBytes();

        await wire.SendAsync(Frame.Headers, Frame.EndHeaders | Frame.EndStream, 1, [.. block]);
        var answer = await wire.UntilAsync(static frame => frame.Type is Frame.GoAway or Frame.Reset || frame is { Type: Frame.Headers, Stream: 1 });

        Assert.True(answer is null || answer.Type is Frame.GoAway or Frame.Reset || answer.Payload.Length < 1000);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 24 << 20);
        await Witness.IsServedAsync(controller);
    }

    [Theory]
    [InlineData(Frame.Ping, 8)]
    [InlineData(Frame.Settings, 6)]
    public async Task Frames_ThatWantAnAnswerEach_CostOthersNothing(byte type, int bytes)
    {
        await using var controller = await RunningController.StartAsync();
        await using var wire = await AdminAsync(controller);
        // Nobody reads the answers.
        var many = Enumerable.Repeat(Http2Wire.Bytes(type, 0, 0, type == Frame.Settings ? [0, 3, 0, 0, 0, 100] : new byte[bytes]), 1000).SelectMany(static frame => frame).ToArray();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var storm = Task.Run(
            async () =>
            {
                for (var round = 0; round < 300 && !enough.IsCancellationRequested && await wire.SendAsync(many); round++)
                {
                }
            },
            Ct);

        for (var times = 0; times < 5; times++)
        {
            await Witness.IsServedAsync(controller);
        }
        await enough.CancelAsync();
        await wire.DisposeAsync();
        await Record.ExceptionAsync(() => storm.WaitAsync(RunningController.Deadline, Ct));
        await Witness.IsServedAsync(controller);
    }

    [Theory]
    [InlineData("x-a", "b\r\nContent-Length: 100")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("connection", "upgrade")]
    [InlineData("X-Upper", "case")]
    [InlineData(":path", "/v1/fleets")]
    [InlineData("x-null", "a\0b")]
    public async Task Header_ThatHttp1WouldReadOtherwise_ReachesNoMethod(string name, string value)
    {
        await using var controller = await RunningController.StartAsync();
        await using var wire = await AdminAsync(controller);

        await wire.SendAsync(Frame.Headers, Frame.EndHeaders, 1, Http2Wire.Call(List, (name, value)));
        await wire.SendAsync(Frame.Data, Frame.EndStream, 1, [0, 0, 0, 0, 0]);
        var answer = await wire.UntilAsync(static frame => frame.Type is Frame.GoAway or Frame.Reset or Frame.Data || (frame.Type == Frame.Headers && (frame.Flags & Frame.EndStream) != 0));

        Assert.NotEqual(Frame.Data, answer?.Type ?? Frame.GoAway);
        await Witness.IsServedAsync(controller);
    }

    private static async Task<Http2Wire> AdminAsync(RunningController controller)
    {
        using var admin = Forger.Admin(controller);
        return await Http2Wire.ConnectAsync(controller, admin);
    }
}

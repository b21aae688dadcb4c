using Grpc.Core;
using Qm.Fleet.Controller.Api.Watches;

namespace Qm.Fleet.Controller.Tests.Api.Watches;

public sealed class ResourceWatchTests
{
    [Fact, Trait("Requirement", "QMF-API-003")]
    public async Task Watch_FromSnapshotOn_TellsEveryChangeOnceAndInOrder()
    {
        var nodes = new WatchedByHand();
        nodes.Set("b");
        nodes.Set("a");
        await using var watch = nodes.Watch();

        Assert.Equal(["Snapshot a 1", "Snapshot b 1"], await watch.UntilBookmarkAsync());
        nodes.Set("a");
        Assert.Equal("Modified a 2", $"{await watch.NextAsync()}");
        nodes.Set("c");
        Assert.Equal("Added c 1", $"{await watch.NextAsync()}");
        nodes.Delete("a");
        Assert.Equal("Deleted a 2", $"{await watch.NextAsync()}");
        nodes.Delete("c");
        nodes.Set("c");
        Assert.Equal("Deleted c 1", $"{await watch.NextAsync()}");
        Assert.Equal("Added c 1", $"{await watch.NextAsync()}");
    }

    [Fact, Trait("Requirement", "QMF-API-003")]
    public async Task Watch_WhatIsSelectedComesAndGoes_IsAddedAndDeleted()
    {
        var nodes = new WatchedByHand();
        nodes.Set("a", "cockpit", "r1");
        nodes.Set("b", "rear", "r1");
        await using var byLabel = nodes.Watch(selector: "zone=cockpit");
        await using var byField = nodes.Watch(fields: "status.revision=r1");
        Assert.Equal(["Snapshot a 1"], await byLabel.UntilBookmarkAsync());
        Assert.Equal(["Snapshot a 1", "Snapshot b 1"], await byField.UntilBookmarkAsync());

        nodes.Set("a", "rear", "r1");
        Assert.Equal("Deleted a 1", $"{await byLabel.NextAsync()}");
        Assert.Equal("Modified a 2", $"{await byField.NextAsync()}");
        nodes.Set("b", "cockpit", "r2");
        Assert.Equal("Added b 2", $"{await byLabel.NextAsync()}");
        Assert.Equal("Deleted b 1", $"{await byField.NextAsync()}");
    }

    [Fact, Trait("Requirement", "QMF-API-042")]
    public async Task Watch_ManyWatchers_AreToldTheSameObjects()
    {
        var nodes = new WatchedByHand();
        await using var first = nodes.Watch();
        await using var second = nodes.Watch(selector: "zone");
        await first.UntilBookmarkAsync();
        await second.UntilBookmarkAsync();

        nodes.Set("a");

        Assert.Same((await first.NextAsync()).Node, (await second.NextAsync()).Node);
    }

    [Fact, Trait("Requirement", "QMF-API-042")]
    public async Task Watch_NothingHappens_IsToldABookmarkEachMinute()
    {
        var nodes = new WatchedByHand();
        nodes.Set("a", "rear");
        await using var watch = nodes.Watch(selector: "zone=cockpit");
        var begun = await watch.NextAsync();
        Assert.Equal(V1.ChangeType.Bookmark, begun.Type);
        nodes.Set("a", "front");

        nodes.Time.Advance(ResourceWatch<V1.Node>.BookmarkEvery);

        var bookmark = await watch.NextAsync();
        Assert.Equal((V1.ChangeType.Bookmark, null), (bookmark.Type, bookmark.Node));
        Assert.NotEqual(begun.Token, bookmark.Token);
    }

    // Whoever is cut off anywhere, in the snapshot, too, and goes on from the last token, has been told every change once and in order, and has in the end what there is.
    [Fact, Trait("Requirement", "QMF-API-042")]
    public async Task Watch_CutOffAnywhereAndResumed_MissesAndDoublesNothing()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var (nodes, client) = (new WatchedByHand(), new WatchClient($"seed {seed}"));
            for (var round = 0; round < 15; round++)
            {
                Change(nodes, random);
                nodes.Set("~last");
                await client.RunAsync(nodes, random.Next(1, 12), () => Change(nodes, random));
            }

            nodes.Set("~last");
            await client.RunAsync(nodes, int.MaxValue, static () => { });
            Assert.Equal(Cockpit(nodes), client.Has.Values);
            Assert.Equal(0, client.Repeats);
        }
    }

    // After a restart of the controller what may have changed is told again; nothing that is gone stays, and nothing that is there is missed.
    [Fact, Trait("Requirement", "QMF-API-043")]
    public async Task Watch_ControllersRestartAnywhere_MissesNothing()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var (nodes, client) = (new WatchedByHand(), new WatchClient($"seed {seed}") { Selector = seed % 2 == 0 ? "zone=cockpit" : "", Fields = seed % 2 == 0 ? "" : "metadata.name!=rear,status.revision!=r2" });
            for (var round = 0; round < 15; round++)
            {
                Change(nodes, random);
                nodes.Set("~last");
                await client.RunAsync(nodes, random.Next(1, 12), () => Change(nodes, random));
                Change(nodes, random);
                if (random.Next(2) == 0)
                {
                    nodes.Restart();
                }
            }

            nodes.Set("~last");
            await client.RunAsync(nodes, int.MaxValue, static () => { });
            Assert.Equal(seed % 2 == 0 ? Cockpit(nodes) : nodes.Nodes().Values.Where(static node => node.Status.Revision != "r2").OrderBy(static node => node.Metadata.Name, StringComparer.Ordinal), client.Has.Values);
        }
    }

    [Fact, Trait("Requirement", "QMF-API-043")]
    public async Task Watch_AfterARestart_TellsWhatWentWhatCameAndTheRestAsItIs()
    {
        var nodes = new WatchedByHand();
        foreach (var name in new[] { "again", "gone", "moved", "rear", "same" })
        {
            nodes.Set(name, name == "rear" ? "rear" : "cockpit");
        }
        string token;
        await using (var watch = nodes.Watch(selector: "zone=cockpit"))
        {
            Assert.Equal(4, (await watch.UntilBookmarkAsync()).Count);
            nodes.Set("same", revision: "r1");
            token = (await watch.NextAsync()).Token;
        }
        nodes.Delete("gone");
        nodes.Delete("again");
        nodes.Set("again");
        nodes.Set("moved", "rear");
        nodes.Set("new");
        nodes.Set("short");
        nodes.Delete("short");

        nodes.Restart();
        await using var resumed = nodes.Watch(token, selector: "zone=cockpit");

        Assert.Equal(["Deleted again 0", "Added again 1", "Deleted gone 0", "Deleted moved 2", "Added new 1", "Modified same 2"], await resumed.UntilBookmarkAsync());
        nodes.Set("same");
        Assert.Equal("Modified same 3", $"{await resumed.NextAsync()}");
    }

    [Fact, Trait("Requirement", "QMF-API-043")]
    public async Task Watch_TokenBeyondTheEventLogOrTooLongAgo_IsOutOfRange()
    {
        var (older, newer) = (new WatchedByHand(), new WatchedByHand());
        older.Set("a");
        for (var count = 0; count <= ResourceWatch<V1.Node>.MaxEvents; count++)
        {
            newer.Set("a", count % 2 == 0 ? "rear" : "cockpit");
        }
        newer.Restart();
        await using var ofNewer = newer.Watch();
        await ofNewer.NextAsync();
        await using var ofOlder = older.Watch();
        await ofOlder.NextAsync();
        newer.Set("b");

        await using var beyond = older.Watch((await ofNewer.NextAsync()).Token);
        newer.Restart();
        await using var longAgo = newer.Watch((await ofOlder.NextAsync()).Token);

        SaysHowToStartOver(await Assert.ThrowsAsync<RpcException>(() => beyond.Run));
        SaysHowToStartOver(await Assert.ThrowsAsync<RpcException>(() => longAgo.Run));
    }

    private static void SaysHowToStartOver(RpcException error)
    {
        Assert.Equal(StatusCode.OutOfRange, error.StatusCode);
        Assert.EndsWith(" Watch again without a resume token, and take what you then get for all there is.", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-API-042")]
    public async Task Watch_ResourcesCannotBeRead_EndsWithTheReasonAndBeginsAnew()
    {
        var nodes = new WatchedByHand();
        nodes.Set("a");
        await using var watch = nodes.Watch();
        await watch.UntilBookmarkAsync();
        nodes.Trouble = new IOException("the disk is gone");
        nodes.Set("a");
        Assert.Equal("the disk is gone", (await Assert.ThrowsAsync<IOException>(watch.NextAsync)).Message);
        Assert.Throws<IOException>(nodes.Watched.Open);

        nodes.Trouble = null;
        await using var again = nodes.Watch();

        Assert.Equal(["Snapshot a 2"], await again.UntilBookmarkAsync());
        nodes.Set("a");
        Assert.Equal("Modified a 3", $"{await again.NextAsync()}");
    }

    [Theory, Trait("Requirement", "QMF-API-042")]
    [InlineData("x", "", "")]
    [InlineData("", "zone", "")]
    [InlineData("", "", "status.revision=1")]
    public async Task Watch_TokenTamperedWithOrOfAnotherQuestion_IsRefused(string suffix, string selector, string fields)
    {
        var nodes = new WatchedByHand();
        await using var watch = nodes.Watch();
        var token = (await watch.NextAsync()).Token;

        await using var other = nodes.Watch(token + suffix, selector, fields);

        var error = await Assert.ThrowsAsync<RpcException>(() => other.Run);
        Assert.Equal((StatusCode.InvalidArgument, "resume_token"), (error.StatusCode, error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations[0].Field));
    }

    [Fact, Trait("Requirement", "QMF-API-042")]
    public async Task Watch_TokenOlderThanTheLog_IsOutOfRangeAndSaysHowToStartOver()
    {
        var nodes = new WatchedByHand(new(10, 1 << 20));
        string token;
        await using (var watch = nodes.Watch())
        {
            token = (await watch.NextAsync()).Token;
            for (var count = 0; count < 11; count++)
            {
                nodes.Set("a");
                // Each is noted by itself, though the client takes none.
                nodes.Watched.Open();
            }
        }

        await using var late = nodes.Watch(token);

        var error = await Assert.ThrowsAsync<RpcException>(() => late.Run);
        SaysHowToStartOver(error);
    }

    [Theory, Trait("Requirement", "QMF-API-044")]
    [InlineData(130, true)]
    [InlineData(300, false)]
    public async Task Watch_ReaderFallsBehind_IsCutOffAndGoesOnIfItComesBackInTime(int changes, bool isInTime)
    {
        var nodes = new WatchedByHand(new(100, 1 << 20));
        nodes.Set("a");
        await using var stalled = nodes.Watch();
        await using var quick = nodes.Watch();
        Assert.Equal(["Snapshot a 1"], await quick.UntilBookmarkAsync());
        Assert.Equal(["Snapshot a 1"], await stalled.UntilBookmarkAsync());
        for (var count = 2; count <= changes; count++)
        {
            nodes.Set("a");
            Assert.Equal($"Modified a {count}", $"{await quick.NextAsync()}");
            if (count <= 30)
            {
                Assert.Equal($"Modified a {count}", $"{await stalled.NextAsync()}");
            }
        }

        var (told, error) = (30L, (RpcException?)null);
        while (error is null)
        {
            try
            {
                Assert.Equal(++told, (await stalled.NextAsync()).Node!.Metadata.Generation);
            }
            catch (RpcException e)
            {
                error = e;
            }
        }

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        await using var resumed = nodes.Watch(error.GetRpcStatus()!.GetDetail<Google.Rpc.ErrorInfo>()!.Metadata["resume_token"]);
        if (!isInTime)
        {
            Assert.Equal(StatusCode.OutOfRange, (await Assert.ThrowsAsync<RpcException>(() => resumed.Run)).StatusCode);
            return;
        }
        for (; told <= changes; told++)
        {
            Assert.Equal($"Modified a {told}", $"{await resumed.NextAsync()}");
        }
    }

    private static IEnumerable<V1.Node> Cockpit(WatchedByHand nodes) =>
        nodes.Nodes().Values.Where(static node => node.Metadata.Labels["zone"] == "cockpit").OrderBy(static node => node.Metadata.Name, StringComparer.Ordinal);

    private static void Change(WatchedByHand nodes, Random random)
    {
        for (var count = random.Next(4); count > 0; count--)
        {
            var name = $"ecu{random.Next(12)}";
            if (random.Next(4) == 0)
            {
                nodes.Delete(name);
            }
            else
            {
                nodes.Set(name, random.Next(3) == 0 ? "rear" : "cockpit", $"r{random.Next(3)}");
            }
        }
    }
}

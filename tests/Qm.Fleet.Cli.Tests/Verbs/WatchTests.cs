using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

[Trait("Requirement", "QMF-CLI-011")]
public sealed class WatchTests : CliTest
{
    [Fact]
    public async Task Watch_Nodes_ShowsWhatThereIsAndEveryChangeUntilCtrlC()
    {
        Server.Nodes.Tell(ChangeType.Snapshot, Node("ecu1", "Ready"), "1");
        Server.Nodes.Tell(ChangeType.Bookmark, null, "1");
        Server.Nodes.Tell(ChangeType.Modified, Node("ecu1", "RestartQm"), "2");
        Server.Nodes.Tell(ChangeType.Deleted, Node("ecu1", "RestartQm"), "3");

        await UntilAsync("DELETED", "watch", "nodes");

        Assert.Equal("""
            SNAPSHOT  node/ecu1  unknown  unknown  unknown  unknown  Ready  unknown  unknown  unknown  -
            MODIFIED  node/ecu1  unknown  unknown  unknown  unknown  RestartQm  unknown  unknown  unknown  -
            DELETED   node/ecu1  unknown  unknown  unknown  unknown  RestartQm  unknown  unknown  unknown  -

            """, Out.ToString());
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Watch_AsJson_IsAMessageOfTheApiOnEachLine()
    {
        Server.Nodes.Tell(ChangeType.Added, Node("ecu1", "Ready"), "7");
        Server.Nodes.Tell(ChangeType.Bookmark, null, "8");

        await UntilAsync("BOOKMARK", "watch", "nodes", "-o", "json");

        Assert.Equal("""
            {"type":"ADDED","node":{"metadata":{"name":"ecu1"},"status":{"step":{"name":"Ready"}}},"resumeToken":"7"}
            {"type":"BOOKMARK","resumeToken":"8"}

            """, Out.ToString());
    }

    [Fact]
    public async Task Watch_ServerGoesAway_GoesOnAfterTheLastToken()
    {
        Server.Nodes.Tell(ChangeType.Snapshot, Node("ecu1", "Ready"), "41");
        Server.Nodes.GoAway();
        using var stop = new CancellationTokenSource();
        var run = CommandLine.RunAsync(["watch", "node", "ecu1", "-o", "name"], Context(), stop.Token);
        await Error.SeeAsync("the server went away; going on when it is back");
        Server.Nodes.Tell(ChangeType.Modified, Node("ecu1b", "Ready"), "42");
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (Server.Nodes.Watches.Count < 2)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await pace.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }

        await Out.SeeAsync("ecu1b");
        await stop.CancelAsync();

        Assert.Equal(ExitCode.Interrupted, await run);
        Assert.Equal(["", "41"], Server.Nodes.Watches.Select(watch => watch.ResumeToken));
        Assert.All(Server.Nodes.Watches, watch => Assert.Equal("metadata.name=ecu1", watch.FieldSelector));
    }

    [Fact]
    public async Task GetW_Table_IsTheTableAndALineForEachChangeInItsColumns()
    {
        Server.Nodes.Tell(ChangeType.Snapshot, Node("ecu1", "Ready"), "1");
        Server.Nodes.Tell(ChangeType.Snapshot, Node("ecu2", "RestartQm"), "1");
        Server.Nodes.Tell(ChangeType.Bookmark, null, "1");
        Server.Nodes.Tell(ChangeType.Modified, Node("ecu2", "Ready"), "2");
        Server.Nodes.Tell(ChangeType.Deleted, Node("ecu2", "Ready"), "3");
        Server.Nodes.Tell(ChangeType.Added, Node("ecu3", "Last"), "4");

        await UntilAsync("ecu3", "get", "nodes", "-w", "-l", "zone=cockpit");

        Assert.Equal("""
            NODE  BLUECHI  QM       EXT      REVISION  STEP       OOM host/qm/nested  CPU      MEM high/max  SINCE
            ecu1  unknown  unknown  unknown  unknown   Ready      unknown             unknown  unknown       -
            ecu2  unknown  unknown  unknown  unknown   RestartQm  unknown             unknown  unknown       -
            ecu2  unknown  unknown  unknown  unknown   Ready      unknown             unknown  unknown       -
            ecu3  unknown  unknown  unknown  unknown   Last       unknown             unknown  unknown       -

            """, Out.ToString());
        Assert.Equal("node/ecu2 deleted\n", Errors);
        Assert.Equal("zone=cockpit", Assert.Single(Server.Nodes.Watches).Selector);
    }

    [Fact]
    public async Task GetW_Events_AreThoseThereAreAndNewOnes()
    {
        Server.Events.Happen(new() { Number = 1, Reason = "One" });
        Server.Events.Happen(new() { Number = 2, Reason = "Two" });

        await UntilAsync("Two", "get", "events", "-w", "-o", "jsonpath={.reason}");

        Assert.Equal("One\nTwo\n", Out.ToString());
    }

    [Theory]
    [InlineData("get operations -w")]
    [InlineData("watch rollouts")]
    [InlineData("watch event 12")]
    public async Task Watch_WhatNobodyTellsChangesOf_Is2(string line) => Assert.Equal(ExitCode.Invalid, await RunAsync(line.Split(' ')));

    private async Task UntilAsync(string text, params string[] line)
    {
        using var stop = new CancellationTokenSource();
        var run = CommandLine.RunAsync(line, Context(), stop.Token);
        await Out.SeeAsync(text);
        await stop.CancelAsync();
        Assert.Equal(ExitCode.Interrupted, await run);
    }

    private static Node Node(string name, string step) => new() { Metadata = new() { Name = name }, Status = new() { Step = new() { Name = step } } };
}

using Grpc.Core;
using Qm.Fleet.Controller.Api.Watches;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>Somebody whose role holds for a part of the fleet asks for all of it.</summary>
[Trait("Requirement", "QMF-ACCESS-004")]
public sealed class AccessScopeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("metadata.name desc")]
    public async Task List_WithinLabels_PagesAsIfThereWereNoOthers(string order)
    {
        await using var controller = await StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Tls(null));
        var headers = await TokenAsync(controller, new V1.AccessScope { Selector = "zone=cockpit" });

        List<string> seen = [];
        var (token, pages) = ("", 0);
        do
        {
            var page = await nodes.ListAsync(new V1.ListNodesRequest { PageSize = 1, OrderBy = order, PageToken = token }, headers, cancellationToken: Ct);
            seen.AddRange(page.Nodes.Select(static node => node.Metadata.Name));
            (token, pages) = (page.NextPageToken, pages + 1);
        }
        while (token.Length > 0);

        string[] mine = ["ecu1", "ecu3"];
        Assert.Equal(order.Length == 0 ? mine : mine.Reverse(), seen);
        Assert.Equal(2, pages);
    }

    [Fact]
    public async Task List_WithinANodeThatAFleetHas_ShowsNoFleet()
    {
        await using var controller = await StartAsync();
        var headers = await TokenAsync(controller, new V1.AccessScope { Nodes = { "ecu1" } });

        Assert.Empty((await new V1.FleetService.FleetServiceClient(controller.Tls(null)).ListAsync(new V1.ListFleetsRequest(), headers, cancellationToken: Ct)).Fleets);
        Assert.Equal("ecu1", Assert.Single((await new V1.NodeService.NodeServiceClient(controller.Tls(null)).ListAsync(new V1.ListNodesRequest(), headers, cancellationToken: Ct)).Nodes).Metadata.Name);
    }

    [Fact]
    public async Task List_WithinAFleet_ShowsItsRevisionsRolloutsAndOperationsOnly()
    {
        await using var controller = await StartAsync();
        var channel = controller.Tls(null);
        var headers = await TokenAsync(controller, new V1.AccessScope { Fleets = { "cockpit" } });

        var fleets = await new V1.FleetService.FleetServiceClient(channel).ListAsync(new V1.ListFleetsRequest(), headers, cancellationToken: Ct);
        var revisions = await new V1.RevisionService.RevisionServiceClient(channel).ListAsync(new V1.ListRevisionsRequest(), headers, cancellationToken: Ct);
        var rollouts = await new V1.RolloutService.RolloutServiceClient(channel).ListAsync(new V1.ListRolloutsRequest(), headers, cancellationToken: Ct);
        var operations = await new V1.OperationService.OperationServiceClient(channel).ListAsync(new V1.ListOperationsRequest(), headers, cancellationToken: Ct);

        Assert.Equal("cockpit", Assert.Single(fleets.Fleets).Metadata.Name);
        Assert.Equal("cockpit", Assert.Single(revisions.Revisions).Fleet);
        Assert.Equal("cockpit", Assert.Single(rollouts.Rollouts).Fleet);
        Assert.Equal("operations/cockpit/1", Assert.Single(operations.Operations).Name);
    }

    [Fact]
    public async Task Operation_OutsideOfScope_IsNeitherReadNorWaitedForNorCancelled()
    {
        await using var controller = await StartAsync();
        var operations = new V1.OperationService.OperationServiceClient(controller.Tls(null));
        var headers = await TokenAsync(controller, new V1.AccessScope { Fleets = { "cockpit" } });
        const string mine = "operations/cockpit/1", other = "operations/rear/1";

        Assert.Equal(mine, (await operations.GetAsync(new V1.GetOperationRequest { Name = mine }, headers, cancellationToken: Ct)).Name);
        await DeniedAsync(async () => await operations.GetAsync(new V1.GetOperationRequest { Name = other }, headers, cancellationToken: Ct), $"token:part may get operations within a scope only, and {other} lies outside of it.");
        await DeniedAsync(async () => await operations.WaitAsync(new V1.WaitOperationRequest { Name = other }, headers, cancellationToken: Ct), $"token:part may wait operations within a scope only, and {other} lies outside of it.");
        await DeniedAsync(async () => await operations.CancelAsync(new V1.CancelOperationRequest { Name = other }, headers, cancellationToken: Ct), $"token:part may cancel operations within a scope only, and {other} lies outside of it.");
        Assert.False((await new V1.OperationService.OperationServiceClient(controller.Local()).GetAsync(new V1.GetOperationRequest { Name = other }, cancellationToken: Ct)).CancelRequested);
    }

    [Fact]
    public async Task Events_WithinANode_AreOfItAlone()
    {
        await using var controller = await StartAsync();
        var events = new V1.EventService.EventServiceClient(controller.Tls(null));
        var headers = await TokenAsync(controller, new V1.AccessScope { Nodes = { "ecu3" } });
        var all = (await new V1.EventService.EventServiceClient(controller.Local()).ListAsync(new V1.ListEventsRequest(), cancellationToken: Ct)).Events;
        var outside = all.First(static told => told.Node == "ecu2");

        var seen = (await events.ListAsync(new V1.ListEventsRequest(), headers, cancellationToken: Ct)).Events;
        using var watch = events.Watch(new V1.WatchEventsRequest(), headers, cancellationToken: Ct);

        Assert.NotEmpty(seen);
        Assert.Equal(all.Where(static told => told.Node == "ecu3"), seen);
        Assert.True(await watch.ResponseStream.MoveNext(Ct));
        Assert.Equal(seen[0], watch.ResponseStream.Current);
        await DeniedAsync(
            async () => await events.GetAsync(new V1.GetEventRequest { Number = outside.Number }, headers, cancellationToken: Ct),
            $"token:part may get events within a scope only, and event {outside.Number} lies outside of it.");
    }

    [Fact]
    public async Task Events_OfANodeThatIsGone_AreNotSeenThroughItsLabels()
    {
        await using var controller = await StartAsync();
        await new V1.NodeService.NodeServiceClient(controller.Local()).DeleteAsync(new V1.DeleteNodeRequest { Name = "ecu2" }, cancellationToken: Ct);
        var headers = await TokenAsync(controller, new V1.AccessScope { Selector = "zone!=rear" });

        var seen = (await new V1.EventService.EventServiceClient(controller.Tls(null)).ListAsync(new V1.ListEventsRequest(), headers, cancellationToken: Ct)).Events;

        Assert.Contains(seen, static told => told.Node == "ecu1");
        Assert.DoesNotContain(seen, static told => told.Node == "ecu2");
    }

    [Fact]
    public async Task Events_OfANodeThatIsGone_StayOutOfSightWhereSomethingIsDenied()
    {
        await using var controller = await StartAsync();
        var access = new V1.AccessService.AccessServiceClient(controller.Local());
        var denied = new V1.AccessRole { Name = "not-rear", Rules = { new V1.AccessRule { Deny = true, Verbs = { "*" }, Resources = { "events" }, Scope = new V1.AccessScope { Selector = "zone=rear" } } } };
        await access.ApplyRoleAsync(new V1.ApplyRoleRequest { Role = denied }, cancellationToken: Ct);
        await access.ApplyBindingAsync(new V1.ApplyBindingRequest { Binding = new V1.AccessBinding { Name = "not-rear", Subject = "token:part", Role = "not-rear" } }, cancellationToken: Ct);
        var headers = await TokenAsync(controller, new V1.AccessScope());
        var events = new V1.EventService.EventServiceClient(controller.Tls(null));

        var before = (await events.ListAsync(new V1.ListEventsRequest(), headers, cancellationToken: Ct)).Events;
        await new V1.NodeService.NodeServiceClient(controller.Local()).DeleteAsync(new V1.DeleteNodeRequest { Name = "ecu2" }, cancellationToken: Ct);
        var after = (await events.ListAsync(new V1.ListEventsRequest(), headers, cancellationToken: Ct)).Events;

        Assert.Contains(before, static told => told.Node == "ecu1");
        Assert.DoesNotContain(before.Concat(after), static told => told.Node == "ecu2");
        Assert.Equal(before, after);
    }

    [Fact]
    public async Task Watch_ResumedAfterTheLogIsGone_TellsNothingOfOthers()
    {
        await using var controller = await StartAsync();
        var headers = await TokenAsync(controller, new V1.AccessScope { Nodes = { "ecu1" } });
        var nodes = new V1.NodeService.NodeServiceClient(controller.Tls(null));
        // As a controller that ended has given it.
        var token = new WatchToken("another", 7, 0).Write(WatchFilter<V1.Node>.Read("", "", static node => node.Metadata).ToString());
        using var watch = nodes.Watch(new V1.WatchNodesRequest { ResumeToken = token }, headers, cancellationToken: Ct);

        var error = await Assert.ThrowsAsync<RpcException>(() => watch.ResponseStream.MoveNext(Ct));

        Assert.Equal(StatusCode.OutOfRange, error.StatusCode);
        Assert.StartsWith("The resume token is of another run of the controller, and you watch within a scope.", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_NodeThatComesIntoTheLabelsAndLeavesThem_IsAddedAndDeleted()
    {
        await using var controller = await StartAsync();
        var headers = await TokenAsync(controller, new V1.AccessScope { Selector = "zone=cockpit" });
        using var watch = new V1.NodeService.NodeServiceClient(controller.Tls(null)).Watch(new V1.WatchNodesRequest(), headers, cancellationToken: Ct);

        Assert.Equal((V1.ChangeType.Snapshot, "ecu1"), await NextAsync(watch.ResponseStream));
        Assert.Equal((V1.ChangeType.Snapshot, "ecu3"), await NextAsync(watch.ResponseStream));
        Assert.Equal((V1.ChangeType.Bookmark, ""), await NextAsync(watch.ResponseStream));
        // Of ecu4 nothing is told before it comes into the scope.
        await ApplyAsync(controller, Node("ecu4", "boot"));
        await ApplyAsync(controller, Node("ecu4", "cockpit"));
        Assert.Equal((V1.ChangeType.Added, "ecu4"), await NextAsync(watch.ResponseStream));
        await ApplyAsync(controller, Node("ecu1", "rear"));
        Assert.Equal((V1.ChangeType.Deleted, "ecu1"), await NextAsync(watch.ResponseStream));
        await ApplyAsync(controller, Node("ecu1", "boot"));
        await ApplyAsync(controller, Node("ecu3", "rear"));
        Assert.Equal((V1.ChangeType.Deleted, "ecu3"), await NextAsync(watch.ResponseStream));
    }

    [Fact]
    public async Task Watch_RoleThatIsTakenAwayMeanwhile_TellsNothingMore()
    {
        await using var controller = await StartAsync();
        var access = new V1.AccessService.AccessServiceClient(controller.Local());
        var headers = await TokenAsync(controller, new V1.AccessScope { Nodes = { "ecu1" } });
        await access.ApplyBindingAsync(new V1.ApplyBindingRequest { Binding = new V1.AccessBinding { Name = "more", Subject = "token:part", Role = "viewer", Scope = new V1.AccessScope { Nodes = { "ecu2" } } } }, cancellationToken: Ct);
        using var watch = new V1.NodeService.NodeServiceClient(controller.Tls(null)).Watch(new V1.WatchNodesRequest(), headers, cancellationToken: Ct);
        Assert.Equal((V1.ChangeType.Snapshot, "ecu1"), await NextAsync(watch.ResponseStream));
        Assert.Equal((V1.ChangeType.Snapshot, "ecu2"), await NextAsync(watch.ResponseStream));
        Assert.Equal((V1.ChangeType.Bookmark, ""), await NextAsync(watch.ResponseStream));

        await access.DeleteBindingAsync(new V1.DeleteBindingRequest { Name = "more" }, cancellationToken: Ct);
        await ApplyAsync(controller, Node("ecu2", "boot"));
        await ApplyAsync(controller, Node("ecu1", "boot"));

        Assert.Equal((V1.ChangeType.Modified, "ecu1"), await NextAsync(watch.ResponseStream));
    }

    [Fact]
    public async Task WatchTop_WithinLabels_ShowsTheirNodesOnly()
    {
        await using var controller = await StartAsync();
        var headers = await TokenAsync(controller, new V1.AccessScope { Selector = "zone=rear" });
        using var top = new V1.DiagnosticsService.DiagnosticsServiceClient(controller.Tls(null)).WatchTop(new V1.WatchTopRequest(), headers, cancellationToken: Ct);

        Assert.True(await top.ResponseStream.MoveNext(Ct));

        Assert.Equal("ecu2", Assert.Single(top.ResponseStream.Current.Nodes).Node);
    }

    [Fact]
    public async Task Apply_FleetThatSelectsANodeOutside_IsRefusedWhole()
    {
        await using var controller = await StartAsync();
        var access = new V1.AccessService.AccessServiceClient(controller.Local());
        await access.ApplyRoleAsync(
            new V1.ApplyRoleRequest
            {
                Role = new V1.AccessRole
                {
                    Name = "cockpit-keeper",
                    Rules =
                    {
                        new V1.AccessRule { Verbs = { "apply", "create", "update" }, Resources = { "fleets" } },
                        new V1.AccessRule { Verbs = { "select" }, Resources = { "nodes" }, Scope = new V1.AccessScope { Selector = "zone=cockpit" } },
                    },
                },
            },
            cancellationToken: Ct);
        var headers = await TokenAsync(controller, new V1.AccessScope(), "cockpit-keeper");
        var fleets = new V1.FleetService.FleetServiceClient(controller.Tls(null));
        var (mine, all) = (Samples.Fleet(memoryMax: "4G"), Samples.Fleet());
        all.Spec.Selector = "zone in (cockpit, rear)";
        const string refusal = "Fleet cockpit cannot select all that its selector matches: token:part may not select nodes of site/local node/ecu2. "
            + "A role within a fleet reaches the nodes that are in it already; whoever may do so lets one reach others with a binding for token:part that says --node or -l.";

        await DeniedAsync(async () => await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { all } }, headers, cancellationToken: Ct), refusal);
        await DeniedAsync(async () => await fleets.UpdateAsync(new V1.UpdateFleetRequest { Fleet = all, UpdateMask = new() { Paths = { "spec.selector" } } }, headers, cancellationToken: Ct), refusal);
        all.Metadata.Name = "new";
        await DeniedAsync(async () => await fleets.CreateAsync(new V1.CreateFleetRequest { Fleet = all }, headers, cancellationToken: Ct), refusal.Replace("Fleet cockpit", "Fleet new", StringComparison.Ordinal));
        Assert.Null(controller.Service<FleetStore>().Find("new"));
        Assert.Equal("zone=cockpit", controller.Service<FleetStore>().Find("cockpit")!.Wire.Selector);

        await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { mine } }, headers, cancellationToken: Ct);
        Assert.Equal("4G", controller.Service<FleetStore>().Find("cockpit")!.Wire.Environment.Resources.MemoryMax);
    }

    [Fact]
    public async Task Apply_FleetOfOnesOwnThatTakesANewNodeIn_TakesARoleThatReachesTheNode()
    {
        await using var controller = await StartAsync();
        var headers = await TokenAsync(controller, new V1.AccessScope { Fleets = { "cockpit" } });
        var fleets = new V1.FleetService.FleetServiceClient(controller.Tls(null));
        await ApplyAsync(controller, Node("ecu4", "bench"));
        controller.Live.Nodes["ecu1"] = controller.Live.Nodes["ecu3"] = new V1.NodeStatus { Fleet = "cockpit" };
        var wider = Samples.Fleet();
        wider.Spec.Selector = "zone in (cockpit, bench)";
        var request = new V1.ApplyFleetsRequest { Fleets = { wider } };

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await fleets.ApplyAsync(request, headers, cancellationToken: Ct));
        await new V1.AccessService.AccessServiceClient(controller.Local()).ApplyBindingAsync(
            new() { Binding = new() { Name = "bench", Subject = "token:part", Role = "operator", Scope = new() { Selector = "zone=bench" } } }, cancellationToken: Ct);
        await fleets.ApplyAsync(request, headers, cancellationToken: Ct);

        Assert.Contains("node/ecu4. A role within a fleet reaches the nodes that are in it already", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(wider.Spec.Selector, controller.Service<FleetStore>().Find("cockpit")!.Wire.Selector);
    }

    /// <summary>ecu1 and ecu3 of the fleet cockpit, ecu2 of the fleet rear.</summary>
    private static async Task<RunningController> StartAsync()
    {
        var controller = await RunningController.StartAsync();
        await ApplyAsync(controller, Node("ecu1", "cockpit"), Node("ecu2", "rear"), Node("ecu3", "cockpit"));
        var rear = Samples.Fleet("rear");
        rear.Spec.Selector = "zone=rear";
        await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet(), rear } }, cancellationToken: Ct);
        return controller;
    }

    private static V1.Node Node(string name, string zone)
    {
        var node = Samples.Node(name);
        node.Metadata.Labels["zone"] = zone;
        return node;
    }

    private static async Task ApplyAsync(RunningController controller, params V1.Node[] nodes) =>
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { nodes } }, cancellationToken: Ct);

    private static async Task<Metadata> TokenAsync(RunningController controller, V1.AccessScope scope, string role = "operator")
    {
        var made = await new V1.AccessService.AccessServiceClient(controller.Local()).CreateTokenAsync(new V1.CreateTokenRequest { Name = "part", Role = role, Scope = scope }, cancellationToken: Ct);
        return new Metadata { { "authorization", $"Bearer {made.Secret}" } };
    }

    private static async Task<(V1.ChangeType Type, string Node)> NextAsync(IAsyncStreamReader<V1.NodeChange> stream)
    {
        Assert.True(await stream.MoveNext(Ct));
        return (stream.Current.Type, stream.Current.Node?.Metadata.Name ?? "");
    }

    private static async Task DeniedAsync(Func<Task> call, string because)
    {
        var error = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal((StatusCode.PermissionDenied, because), (error.StatusCode, error.Status.Detail));
    }
}

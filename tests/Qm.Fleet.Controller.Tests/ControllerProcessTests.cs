namespace Qm.Fleet.Controller.Tests;

public sealed class ControllerProcessTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-RULE-1")]
    public async Task Kill_AfterAcknowledgedApplies_LosesNoneOfThem()
    {
        using var folder = new TemporaryFolder();
        var acknowledged = new List<string>();
        using (var controller = ControllerProcess.Start(folder))
        {
            Assert.StartsWith("ready https://127.0.0.1:", await controller.ReadyAsync(), StringComparison.Ordinal);
            using var channel = controller.Channel();
            var fleets = new V1.FleetService.FleetServiceClient(channel);
            for (var index = 1; index <= 25; index++)
            {
                var wanted = Samples.Fleet(memoryMax: $"{index}G");
                wanted.Spec.RevisionHistoryLimit = 25;
                var answer = await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { wanted } }, cancellationToken: Ct);
                acknowledged.Insert(0, answer.Results[0].Fleet.Status.Revision);
            }
            controller.Kill();
            Assert.Equal(128 + 9, (await controller.EndAsync()).ExitCode);
        }

        using var again = ControllerProcess.Start(folder);
        Assert.NotNull(await again.ReadyAsync());
        using var second = again.Channel();
        var after = new V1.FleetService.FleetServiceClient(second);
        var revisions = await new V1.RevisionService.RevisionServiceClient(second).ListAsync(new V1.ListRevisionsRequest { Fleet = "cockpit" }, cancellationToken: Ct);
        Assert.Equal(acknowledged, revisions.Revisions.Select(static revision => revision.Metadata.Name));
        var fleet = await after.GetAsync(new V1.GetFleetRequest { Name = "cockpit" }, cancellationToken: Ct);
        Assert.Equal((25L, "cockpit/25"), (fleet.Metadata.Generation, fleet.Status.Rollout.Name));
    }

    [Fact]
    public async Task Run_StateFolderInUse_SaysByWhomAndEndsWith1()
    {
        using var folder = new TemporaryFolder();
        using var first = ControllerProcess.Start(folder);
        Assert.Equal($"unix:{folder["run/qmfleet.sock"]}", (await first.ReadyAsync())!.Split(' ')[2]);

        using var second = ControllerProcess.Start(folder);

        var (exitCode, output, errors) = await second.EndAsync();
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains($"in use by process {first.Id}.", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_Sigterm_EndsCleanlyWithNothingMoreOnStdout()
    {
        using var folder = new TemporaryFolder();
        using var controller = ControllerProcess.Start(folder);
        await controller.ReadyAsync();
        using var channel = controller.Channel();
        using var watch = new V1.EventService.EventServiceClient(channel).Watch(new V1.WatchEventsRequest(), cancellationToken: Ct);
        await watch.ResponseHeadersAsync;

        controller.Terminate();

        var (exitCode, output, _) = await controller.EndAsync();
        Assert.Equal((0, ""), (exitCode, output));
        Assert.False(File.Exists(folder["run/qmfleet.sock"]));
    }

    [Fact]
    public async Task Run_BadOptions_NamesAllAndEndsWith2()
    {
        using var folder = new TemporaryFolder();
        using var controller = ControllerProcess.Start(folder, "--bus", "session", "--report-interval", "1");

        var (exitCode, output, errors) = await controller.EndAsync();

        Assert.Equal((2, "", 2), (exitCode, output, errors.TrimEnd().Split('\n').Length));
        Assert.False(Directory.Exists(folder["state"]));
    }
}

using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Operations;

/// <summary>A QM that was taken over says through BlueChi whatever it likes of itself: it is quoted in part, plain, and believed of nothing but itself.</summary>
[Trait("Requirement", "QMF-THREAT-001")]
public sealed class CompromisedQmTests
{
    private const string Evil = "\e]0;owned\a\r\n2026-11-28 admin:root FleetDeleted \u202e PASSWORD=hunter2 ";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Units_WithHugeAndHostileTexts_AreListedPlainBoundedAndPaged()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        for (var number = 0; number < 12_000; number++)
        {
            blueChi.Units[("qm.ecu1", $"u{number:00000}.service")] = new() { ActiveState = number == 0 ? Evil + new string('x', 100_000) : "active" };
        }
        blueChi.Units[("qm.ecu1", new string('n', 100_000) + ".service")] = new();

        var (count, token) = (0, "");
        do
        {
            var page = await Nodes(controller).ListUnitsAsync(new() { Node = "ecu1", PageSize = 1000, PageToken = token }, cancellationToken: Ct);
            Assert.All(page.Units, static unit =>
            {
                Assert.All(new[] { unit.Name, unit.Description, unit.LoadState, unit.ActiveState, unit.SubState }, static text => Assert.DoesNotContain(text, char.IsControl));
                Assert.InRange(unit.CalculateSize(), 1, 2000);
            });
            (count, token) = (count + page.Units.Count, page.NextPageToken);
        }
        while (token.Length > 0);

        Assert.InRange(count, 9_000, 10_000);
    }

    [Fact]
    public async Task Refusal_OfItsSystemd_IsToldPlainBoundedAndWithoutSecrets()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        blueChi.Failure = new RefusedException(Evil + new string('x', 1_000_000));

        var operation = await Nodes(controller).RestartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct);
        var ended = await EndAsync(controller, operation);

        Assert.InRange(ended.Error.Length, 1, OperationStore.MostOfMessage);
        AssertPlain(ended.Error);
        var told = controller.Service<EventLog>().After(0, "ecu1", "", 100);
        Assert.All(told, static entry => Assert.InRange(entry.Draft.Message.Length, 0, WriteTransaction.MostOfMessage));
        AssertPlain(Assert.Single(told, static entry => entry.Draft.Reason == "OperationFailed").Draft.Message);
    }

    [Fact]
    public async Task JobThatSaysItIsDone_WhileNothingIs_IsBelievedOfItsOwnUnitOnly()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        blueChi.EndsJobs = false;

        var operation = await Nodes(controller).StopUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct);
        using (var deadline = new CancellationTokenSource(RunningController.Deadline))
        {
            while (blueChi.Job is null)
            {
                await Task.Delay(10, deadline.Token);
            }
        }
        blueChi.Job.End(new JobOutcome(JobResult.Done, Evil));
        var ended = await EndAsync(controller, operation);

        // Its word is the operation's end, and all that follows of it is said of that unit; the host is asked nothing.
        Assert.Equal("", ended.Error);
        Assert.Equal(["Stop qm.ecu1 radio.service"], blueChi.Calls);
        Assert.Equal("active", blueChi.Units[("ecu1", "qm.service")].ActiveState);
    }

    [Fact]
    public async Task Unit_NamedLikeOneOfTheHost_IsAskedOfItsOwnSystemd()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        blueChi.Units[("ecu1", "brake-control.service")] = new();
        blueChi.Units[("qm.ecu1", "brake-control.service")] = new();

        await EndAsync(controller, await Nodes(controller).StopUnitAsync(new() { Node = "ecu1", Unit = "brake-control.service" }, cancellationToken: Ct));
        await EndAsync(controller, await Nodes(controller).RestartUnitAsync(new() { Node = "ecu1", Unit = "brake-control.service" }, cancellationToken: Ct));

        Assert.Equal(["Stop qm.ecu1 brake-control.service", "Restart qm.ecu1 brake-control.service"], blueChi.Calls);
    }

    private static void AssertPlain(string text)
    {
        Assert.DoesNotContain('\e', text);
        Assert.DoesNotContain('\r', text);
        Assert.DoesNotContain('\u202e', text);
        Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
    }

    private static async Task<RunningController> StartAsync()
    {
        var controller = await RunningController.StartAsync();
        await Nodes(controller).ApplyAsync(new() { Nodes = { Samples.Node() } }, cancellationToken: Ct);
        return controller;
    }

    private static V1.NodeService.NodeServiceClient Nodes(RunningController controller) => new(controller.Admin());

    private static async Task<V1.Operation> EndAsync(RunningController controller, V1.Operation operation) => await new V1.OperationService.OperationServiceClient(controller.Admin()).WaitAsync(
        new() { Name = operation.Name, Timeout = Duration.FromTimeSpan(RunningController.Deadline) }, cancellationToken: Ct);
}

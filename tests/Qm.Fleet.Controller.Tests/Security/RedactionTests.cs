using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Telemetry;
using Qm.Fleet.Controller.Tests.Operations;
using Qm.Fleet.Shared;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>Wherever text leaves the controller, what looks like a secret stays behind.</summary>
[Trait("Requirement", "QMF-SECRET-001")]
public sealed class RedactionTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void Journal_WithASecretInTextOrException_DoesNotHoldIt()
    {
        using var written = new StringWriter();
        new JournalFormatter(TimeProvider.System).Write(
            new LogEntry<string>(LogLevel.Warning, "Category", new EventId(7), "PASSWORD=hunter2", new IOException("https://ann:hunter2@files.example refused"), static (state, _) => state), null, written);
        Assert.DoesNotContain("hunter2", written.ToString(), StringComparison.Ordinal);
        Assert.Contains("IOException: https://[redacted]@files.example refused", written.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Message_WithSecretsInTextsListsAndMaps_IsCleanedInACopy()
    {
        var fleet = new V1.Fleet
        {
            Metadata = new() { Name = "cockpit", Labels = { ["zone"] = "cockpit", ["api-token"] = "hunter2" } },
            Spec = new() { Environment = new() { Workloads = { new V1.Workload { Name = "radio", Quadlet = Struct.Parser.ParseJson("""{"Container": {"Environment": ["A=b", "DB_PASSWORD=hunter2"], "Exec": "run --token hunter2 x"}}""") } } } },
        };

        var told = (V1.Fleet)RedactedMessage.Of(fleet);

        Assert.DoesNotContain("hunter2", told.ToString(), StringComparison.Ordinal);
        Assert.Equal(("cockpit", "cockpit", "radio"), (told.Metadata.Name, told.Metadata.Labels["zone"], told.Spec.Environment.Workloads[0].Name));
        Assert.Equal("A=b", told.Spec.Environment.Workloads[0].Quadlet.Fields["Container"].StructValue.Fields["Environment"].ListValue.Values[0].StringValue);
        Assert.Contains("hunter2", fleet.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reason_WithASecret_IsAnEventWithoutIt()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Admin());
        await nodes.ApplyAsync(new() { Nodes = { Samples.Node() } }, cancellationToken: Ct);
        FakeBlueChi.Connect(controller, "ecu1");

        await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = "radio.service", Reason = "try with PASSWORD=hunter2" }, cancellationToken: Ct);

        var begun = Assert.Single(controller.Service<EventLog>().After(0, "ecu1", "", 100), static entry => entry.Draft.Reason == "OperationBegun");
        Assert.EndsWith("try with PASSWORD=[redacted]", begun.Draft.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refusal_ThatQuotesWhatWasSent_HasNoSecretOfIt()
    {
        await using var controller = await RunningController.StartAsync();

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new V1.HostUnitService.HostUnitServiceClient(controller.Admin()).RemoveAsync(
            new() { Unit = "PASSWORD=hunter2" }, cancellationToken: Ct));

        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        Assert.DoesNotContain("hunter2", error.Status.Detail, StringComparison.Ordinal);
    }
}

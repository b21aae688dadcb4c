using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Operations;
using Qm.Fleet.Shared;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>Wherever text leaves the controller, what looks like a secret stays behind.</summary>
[Trait("Requirement", "QMF-SECRET-001")]
public sealed class RedactionTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void Logs_WithASecretInTextOrException_HoldNeitherItNorForgedLines()
    {
        using var inner = new Captured();
        using var logs = new RedactedLogs(inner);
        var logger = logs.CreateLogger("test");

        logger.Log(LogLevel.Warning, 1, "PASSWORD=hunter2\nfail: forged \e[31m", new IOException("https://ann:hunter2@files.example refused"), static (said, _) => said);
        logger.Log(LogLevel.Information, 2, "token:ci was let in", null, static (said, _) => said);

        Assert.Equal(2, inner.Entries.Count);
        var first = inner.Entries.First();
        Assert.DoesNotContain("hunter2", first, StringComparison.Ordinal);
        Assert.DoesNotContain("\nfail: forged", first, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', first);
        Assert.Contains("IOException: https://[redacted]@files.example refused", first, StringComparison.Ordinal);
        Assert.Equal("token:ci was let in", inner.Entries.Last());
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

    private sealed class Captured : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Entries { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Entries.Enqueue($"{formatter(state, exception)}{exception}");

        public void Dispose()
        {
        }
    }
}

using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Controller.Tests.Reconcile;

/// <summary>That what a node told may be late is told with it.</summary>
[Trait("Requirement", "QMF-LIMIT-004")]
public sealed class PaceConditionTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 11, 28, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new(Start);
    private readonly AgentLinks _links;
    private readonly AgentLink _link;
    private readonly List<string> _changed = [];

    public PaceConditionTests()
    {
        _links = new(_time, NullLogger<AgentLinks>.Instance);
        _link = new("ecu1", "boot-1", static (_, _) => Task.CompletedTask, _time);
        _links.Open(_link);
        _links.Changed += _changed.Add;
    }

    public void Dispose() => _link.Dispose();

    [Fact]
    public void Judge_AnAgentThatIsHeldToItsPace_SaysSinceWhenAndWhenItIsOver()
    {
        Assert.Equal((true, "InPace"), Judge());

        _links.Paced(_link, Start);
        _links.Paced(_link, Start + TimeSpan.FromSeconds(1));
        Assert.Equal((false, "Held"), Judge());
        // What goes on is no news.
        Assert.Single(_changed);

        _links.Paced(_link, null);
        Assert.Equal((true, "InPace"), Judge());
        Assert.Equal(2, _changed.Count);
    }

    [Fact]
    public void Judge_AnAgentThatIsNotHeard_IsUnknownAndBeginsAnew()
    {
        _links.Paced(_link, Start);
        _links.Remove(_link, "it was cut off");
        Assert.Equal((null, "NotHeard"), Judge());

        using var next = new AgentLink("ecu1", "boot-1", static (_, _) => Task.CompletedTask, _time);
        _links.Open(next);
        Assert.Equal((true, "InPace"), Judge());
    }

    private (bool?, string) Judge()
    {
        var view = new NodeView { Name = "ecu1", Memory = new() };
        var condition = NodeConditions.Judge(view, new NodeStep.Idle(""), [], _links, default, _time.GetUtcNow()).Single(static condition => condition.Type == "ReportsInPace");
        return (condition.Holds, condition.Reason);
    }
}

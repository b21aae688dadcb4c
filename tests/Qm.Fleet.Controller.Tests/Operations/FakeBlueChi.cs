using System.Collections.Concurrent;
using System.Reflection;
using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Reconcile;

namespace Qm.Fleet.Controller.Tests.Operations;

/// <summary>A BlueChi that has the units a test gives it, and does to them what is asked when the test says so.</summary>
public class FakeBlueChi : DispatchProxy
{
    /// <summary>Units by BlueChi node and name.</summary>
    internal ConcurrentDictionary<(string Node, string Unit), FakeUnit> Units { get; } = new();

    /// <summary>What was asked that changes something: method, node, unit.</summary>
    internal ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>The last job; its end is the test's to tell unless <see cref="EndsJobs"/>.</summary>
    internal FakeJob? Job { get; private set; }

    /// <summary>Whether jobs end at once, and well.</summary>
    internal bool EndsJobs { get; set; } = true;

    /// <summary>What every call that changes something fails with; null for none.</summary>
    internal Exception? Failure { get; set; }

    /// <summary>Nodes that do not answer what they are asked about their units, for as long as whoever asks waits.</summary>
    internal ConcurrentDictionary<string, bool> Silent { get; } = new(StringComparer.Ordinal);

    /// <summary>Connects it to a controller: each node with its QM, and radio.service in that.</summary>
    internal static FakeBlueChi Connect(RunningController controller, params string[] nodes)
    {
        var blueChi = (FakeBlueChi)(object)Create<IBlueChi, FakeBlueChi>();
        foreach (var node in nodes)
        {
            blueChi.Units[(node, "qm.service")] = new();
            blueChi.Units[($"qm.{node}", "bluechi-agent.service")] = new();
            blueChi.Units[($"qm.{node}", "radio.service")] = new();
        }

        controller.Service<BlueChiLink>().Connected((IBlueChi)(object)blueChi, [.. nodes.SelectMany(static node => new[] { node, $"qm.{node}" }).Select(static name => new NodeInfo(name, NodeStatus.Online, ""))]);
        return blueChi;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var (method, arguments) = (targetMethod!.Name, args!);
        if (method.StartsWith("get_", StringComparison.Ordinal))
        {
            return ":1.1";
        }

        switch (method, arguments)
        {
            case ("GetUnitStateAsync", [string node, string unit, ..]):
                return Task.FromResult(UnitState.From(Find(node, unit).Properties));
            case ("GetUnitPropertiesAsync", [string node, _, .., CancellationToken ct]) when Silent.ContainsKey(node):
                return NeverAsync<IReadOnlyDictionary<string, PropertyValue>>(ct);
            case ("GetUnitPropertiesAsync", [string node, string unit, ..]):
                return Task.FromResult(Find(node, unit).Properties);
            case ("GetUnitPropertyAsync", [string node, string unit, _, string property, ..]):
                return Task.FromResult(Find(node, unit).Properties[property]);
            case ("ListUnitsAsync", [string node, ..]):
                return Task.FromResult<IReadOnlyList<UnitInfo>>([.. Units.Where(unit => unit.Key.Node == node).Select(unit => new UnitInfo(unit.Key.Unit, $"The {unit.Key.Unit}", "loaded", unit.Value.ActiveState, "any"))]);
            case ("BeginJobAsync", [JobType type, string node, string unit, ..]):
                Calls.Enqueue($"{type} {node} {unit}");
                return Failure is null ? Task.FromResult<IUnitJob>(Begin(type, node, unit)) : Task.FromException<IUnitJob>(Failure);
            case ("FreezeUnitAsync" or "ThawUnitAsync", [string node, string unit, ..]):
                Calls.Enqueue($"{method[..^"UnitAsync".Length]} {node} {unit}");
                Find(node, unit).FreezerState = method == "FreezeUnitAsync" ? "frozen" : "running";
                return Failure is null ? Task.CompletedTask : Task.FromException(Failure);
            case ("SetUnitPropertiesAsync", [string node, string unit, _, IReadOnlyList<UnitProperty> properties, ..]):
                Calls.Enqueue($"SetProperties {node} {unit} {string.Join(' ', properties.Select(static property => property.Name))}");
                return Failure is null ? Task.CompletedTask : Task.FromException(Failure);
            default:
                throw new NotSupportedException($"{method} is not in the script");
        }
    }

    private static async Task<T> NeverAsync<T>(CancellationToken ct)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, ct);
        throw new InvalidOperationException("it does not end");
    }

    private FakeUnit Find(string node, string unit) => Units.GetValueOrDefault((node, unit)) ?? new() { LoadState = "not-found", ActiveState = "inactive", Invocation = 0 };

    private FakeJob Begin(JobType type, string node, string unit)
    {
        Job = new(type, node, unit, Find(node, unit));
        if (EndsJobs)
        {
            Job.End();
        }

        return Job;
    }
}

/// <summary>A unit that a test moves by hand.</summary>
internal sealed class FakeUnit
{
    internal string LoadState { get; init; } = "loaded";

    internal string ActiveState { get; set; } = "active";

    internal string FreezerState { get; set; } = "running";

    internal byte Invocation { get; set; } = 1;

    internal IReadOnlyDictionary<string, PropertyValue> Properties => new Dictionary<string, PropertyValue>
    {
        ["LoadState"] = PropertyValue.From(LoadState),
        ["ActiveState"] = PropertyValue.From(ActiveState),
        ["SubState"] = PropertyValue.From("any"),
        ["Result"] = PropertyValue.From("success"),
        ["FreezerState"] = PropertyValue.From(FreezerState),
        ["InvocationID"] = PropertyValue.From([.. Enumerable.Repeat(Invocation, Invocation == 0 ? 0 : 16)]),
    };
}

/// <summary>A job whose end a test tells.</summary>
internal sealed class FakeJob(JobType type, string node, string unit, FakeUnit of) : IUnitJob
{
    private readonly TaskCompletionSource<JobOutcome> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public uint Id => 1;

    public JobType Type => type;

    public string Node => node;

    public string Unit => unit;

    public Task<JobOutcome> Outcome => _end.Task;

    public Task<JobState> GetStateAsync(CancellationToken ct) => Task.FromResult(_end.Task.IsCompleted ? JobState.Gone : JobState.Running);

    public Task CancelAsync(CancellationToken ct)
    {
        _end.TrySetResult(new(JobResult.Failed, "canceled"));
        return Task.CompletedTask;
    }

    /// <summary>It is done.</summary>
    internal void End()
    {
        Do();
        _end.TrySetResult(new(JobResult.Done, "done"));
    }

    /// <summary>The unit does what was asked, and nobody hears of it.</summary>
    internal void Do()
    {
        of.ActiveState = type == JobType.Stop ? "inactive" : "active";
        of.Invocation += (byte)(type == JobType.Stop ? 0 : 1);
    }

    /// <summary>It ends otherwise.</summary>
    internal void End(JobOutcome outcome) => _end.TrySetResult(outcome);
}

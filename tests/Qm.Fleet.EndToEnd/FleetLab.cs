using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Processes;
using Qm.Fleet.V1;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

// Each test has a lab of its own, a dozen processes that mostly wait, and shares nothing with another one.
[assembly: Parallelization(Mode = ParallelMode.All, MaxThreads = 2)]

namespace Qm.Fleet.EndToEnd;

/// <summary>A lab of the test's own, and what a user does with it.</summary>
internal sealed class FleetLab : IAsyncDisposable
{
    // An agent that found no controller a few times waits up to half a minute before it asks again, and a controller may be slow to start.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(150);

    private FleetLab(LabEnvironment lab) => Lab = lab;

    internal LabEnvironment Lab { get; }

    internal static CancellationToken Ct => TestContext.Current.CancellationToken;

    internal static string Examples { get; } = Checkout.Of("deploy/examples");

    /// <summary>Starts a lab with labelled nodes.</summary>
    internal static Task<FleetLab> StartAsync(int nodes = 3, NodeTimings? timings = null, TimeSpan? linkConfirmWithin = null) =>
        StartAsync(new LabOptions { Nodes = nodes, Timings = timings ?? NodeTimings.Fast, LinkConfirmWithin = linkConfirmWithin });

    /// <summary>Starts a lab with labelled nodes, as said.</summary>
    internal static async Task<FleetLab> StartAsync(LabOptions options)
    {
        var lab = new FleetLab(await LabEnvironment.StartAsync(options, (_, _, _) => { }, TimeProvider.System, Ct));
        var manifest = string.Join("\n---\n", lab.Lab.Nodes.Select(node => $"{{apiVersion: qm.fleet/v1, kind: Node, metadata: {{name: {node.Name}, labels: {{zone: cockpit}}}}}}"));
        await lab.ApplyTextAsync(manifest);
        return lab;
    }

    public ValueTask DisposeAsync() => Lab.DisposeAsync();

    /// <summary>Applies an example, with words of it replaced.</summary>
    internal async Task<string> ApplyAsync(string example, params (string From, string To)[] changes)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Examples, example), Ct);
        foreach (var (from, to) in changes)
        {
            Assert.Contains(from, text, StringComparison.Ordinal);
            text = text.Replace(from, to, StringComparison.Ordinal);
        }

        return await ApplyTextAsync(text);
    }

    /// <summary>Runs qmfleet; the test fails when it does.</summary>
    internal async Task<string> RunAsync(params string[] arguments)
    {
        var (code, output) = await Lab.RunCliAsync(arguments, Ct);
        Assert.True(code == 0, $"qmfleet {string.Join(' ', arguments)} ended with {code}: {output}");
        return output;
    }

    /// <summary>Runs qmfleet until it says something.</summary>
    internal async Task<string> SaidAsync(string text, params string[] arguments)
    {
        using var deadline = new CancellationTokenSource(Deadline, TimeProvider.System);
        string output;
        while (!(output = await RunAsync(arguments)).Contains(text, StringComparison.Ordinal))
        {
            Assert.False(deadline.IsCancellationRequested, $"qmfleet {string.Join(' ', arguments)} does not say {text} within {Deadline.TotalSeconds:0} s: {output}");
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Ct);
        }

        return output;
    }

    /// <summary>Waits until every node has what is wanted of it.</summary>
    internal async Task<IReadOnlyDictionary<string, Node>> ConvergedAsync(string? revision = null) => (await new NodeWatch(Lab.Channel).UntilAllAsync(
        Lab.Nodes.Count, node => NodeWatch.HasConverged(node) && (revision ?? node.Status.Revision) == node.Status.Revision,
        _ => { }, Deadline, "every node has converged", TimeProvider.System, Ct)).ToDictionary(node => node.Metadata.Name);

    /// <summary>Waits until every node has what is wanted of it, and the rollout that brought it is over: from then on what fails is healed, and no node is on its way to take the next revision at once.</summary>
    internal async Task<IReadOnlyDictionary<string, Node>> SettledAsync()
    {
        var nodes = await ConvergedAsync();
        await CockpitAsync(Rollout.Types.Phase.Succeeded);
        return nodes;
    }

    /// <summary>Waits until a node takes a step.</summary>
    internal Task StepAsync(string name, string step) => new NodeWatch(Lab.Channel).UntilAllAsync(
        Lab.Nodes.Count, node => node.Metadata.Name != name || node.Status.Step?.Name == step,
        _ => { }, Deadline, $"{name} takes the step {step}", TimeProvider.System, Ct);

    /// <summary>Waits until a condition of a node is as said.</summary>
    internal Task ConditionAsync(string name, string type, Condition.Types.Status status) =>
        NodeAsync(name, node => node.Status?.Conditions.Any(condition => condition.Type == type && condition.Status == status) == true, $"{type} of {name} is {status}");

    /// <summary>Waits until a node is as asked; <paramref name="what"/> ends the sentence "not within 60 s:".</summary>
    internal Task NodeAsync(string name, Func<Node, bool> done, string what) => new NodeWatch(Lab.Channel).UntilAllAsync(
        Lab.Nodes.Count, node => node.Metadata.Name != name || done(node), _ => { }, Deadline, what, TimeProvider.System, Ct);

    /// <summary>Waits until an operation is as asked; <paramref name="what"/> ends the sentence "not within 60 s:".</summary>
    internal async Task OperationAsync(string name, Func<Operation, bool> done, string what)
    {
        using var deadline = new CancellationTokenSource(Deadline, TimeProvider.System);
        while (await new OperationService.OperationServiceClient(Lab.Channel).GetAsync(new() { Name = name }, cancellationToken: Ct) is var operation && !done(operation))
        {
            Assert.False(deadline.IsCancellationRequested, $"not within {Deadline.TotalSeconds:0} s: {what}, but {operation}");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Ct);
        }
    }

    /// <summary>The current revision of the fleet cockpit.</summary>
    internal async Task<V1.Fleet> CockpitAsync() =>
        await new FleetService.FleetServiceClient(Lab.Channel).GetAsync(new() { Name = "cockpit" }, cancellationToken: Ct);

    /// <summary>The fleet cockpit, once its rollout is in a phase.</summary>
    internal async Task<V1.Fleet> CockpitAsync(Rollout.Types.Phase phase)
    {
        using var deadline = new CancellationTokenSource(Deadline, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, Ct);
        var last = new V1.Fleet();
        try
        {
            using var watch = new FleetService.FleetServiceClient(Lab.Channel).Watch(new(), cancellationToken: either.Token);
            while (await watch.ResponseStream.MoveNext(either.Token))
            {
                last = watch.ResponseStream.Current.Fleet ?? last;
                if (last.Metadata?.Name == "cockpit" && last.Status?.Rollout?.Phase == phase)
                {
                    return last;
                }
            }
        }
        catch (Grpc.Core.RpcException e) when (deadline.IsCancellationRequested)
        {
            throw new TimeoutException($"the rollout was not {phase} within {Deadline.TotalSeconds:0} s, but {last.Status?.Rollout}", e);
        }

        throw new InvalidOperationException($"the watch ended before the rollout was {phase}");
    }

    /// <summary>Everything in the event log.</summary>
    internal async Task<IReadOnlyList<Event>> EventsAsync() =>
        [.. (await new EventService.EventServiceClient(Lab.Channel).ListAsync(new() { PageSize = 1000 }, cancellationToken: Ct)).Events];

    /// <summary>Everything in the event log, once it holds an event of a reason.</summary>
    internal async Task<IReadOnlyList<Event>> EventsUntilAsync(string reason, string? node = null)
    {
        using var deadline = new CancellationTokenSource(Deadline, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, Ct);
        var seen = new List<Event>();
        try
        {
            using var watch = new EventService.EventServiceClient(Lab.Channel).Watch(new(), cancellationToken: either.Token);
            while (await watch.ResponseStream.MoveNext(either.Token))
            {
                seen.Add(watch.ResponseStream.Current);
                if (seen[^1].Reason == reason && (node is null || seen[^1].Node == node))
                {
                    return seen;
                }
            }
        }
        catch (Grpc.Core.RpcException e) when (deadline.IsCancellationRequested)
        {
            throw new TimeoutException($"no event {reason} within {Deadline.TotalSeconds:0} s; the last are {string.Join("; ", seen.TakeLast(5).Select(one => $"{one.Reason} {one.Node} {one.Message}"))}", e);
        }

        throw new InvalidOperationException($"the watch ended before an event {reason}");
    }

    /// <summary>Applies one node, given as YAML in one line.</summary>
    internal Task<string> ApplyNodesAsync(string metadata, string spec) => ApplyTextAsync($"{{apiVersion: qm.fleet/v1, kind: Node, metadata: {metadata}, spec: {spec}}}");

    /// <summary>The events of a reason, once there are as many as expected, and a moment later, so that one too many is seen.</summary>
    internal async Task<IReadOnlyList<Event>> EventsAsync(string reason, int count)
    {
        using var deadline = new CancellationTokenSource(Deadline, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, Ct);
        while ((await EventsAsync()).Count(found => found.Reason == reason) < count)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, either.Token);
        }

        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, either.Token);
        return [.. (await EventsAsync()).Where(found => found.Reason == reason)];
    }

    /// <summary>A file of a node's cgroup of QM, as the kernel would show it.</summary>
    internal string Cgroup(string node, string file) =>
        File.ReadAllText(Path.Combine(Lab.Nodes.Single(candidate => candidate.Name == node).Root, "sys/fs/cgroup/qm.service", file)).Trim();

    internal ulong Calls(string node, string method) => Lab.BlueChi.Counters[node, method];

    private async Task<string> ApplyTextAsync(string text)
    {
        var path = Path.Combine(Lab.Directory.Root, "manifest.yaml");
        await File.WriteAllTextAsync(path, text, Ct);
        return await RunAsync("apply", "-f", path, "--no-wait");
    }
}

using System.Collections.Immutable;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.Simulation.Mutations;
using Qm.Fleet.Simulation.Runs;
using Qm.Fleet.V1;
using OutcomeUnknownException = Qm.Fleet.Controller.Gateway.OutcomeUnknownException;

namespace Qm.Fleet.Simulation.Models;

/// <summary>The agent extensions as one incarnation of the controller has them: their links, what they reported, and its commands to them.</summary>
internal sealed class SimulatedLinks(World world, Mutation mutation) : IAgentLinks
{
    private readonly Dictionary<string, Known> _known = new(StringComparer.Ordinal);

    public event Action<string>? Changed;

    // Nothing is measured, so nothing is shed.
    public event Action<string>? Measured
    {
        add { }
        remove { }
    }

    public AgentReport? LastReport(string node) => _known.GetValueOrDefault(node)?.Report;

    public AgentPulse? Pulse(string node) => null;

    public AgentUsage? Usage(string node) => null;

    public IReadOnlyDictionary<string, ProbeReading> Probes(string node) => ImmutableDictionary<string, ProbeReading>.Empty;

    public bool IsConnected(string node) => _known.GetValueOrDefault(node) is { IsConnected: true, Report: not null };

    public DateTimeOffset? Since(string node) => _known.GetValueOrDefault(node)?.Since;

    public async Task<CommandResult> SendAsync(string node, Command command, TimeSpan deadline, CancellationToken ct)
    {
        if (_known.GetValueOrDefault(node) is not { IsConnected: true } link)
        {
            throw new AgentUnreachableException(node, $"the agent extension of {node} is not connected");
        }

        // One after another, in the order asked.
        var before = link.Turn;
        var answer = new TaskCompletionSource<CommandResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        link.Turn = answer.Task;
        using var limit = world.Time.At(deadline, () => answer.TrySetException(new OutcomeUnknownException(node, $"{node} did not answer within {deadline.TotalSeconds} s")));
        link.Lost += Lost;
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        world.Time.After(Latency(command), () => Arrive(link, command, answer));
        try
        {
            return await answer.Task;
        }
        finally
        {
            link.Lost -= Lost;
        }

        void Lost() => answer.TrySetException(new OutcomeUnknownException(node, $"the link to {node} was lost before the answer"));
    }

    /// <summary>An agent extension dials in.</summary>
    internal void Dial(SimulatedNode node)
    {
        if (!node.IsUp || node.IsExtensionCut || _known.GetValueOrDefault(node.Name) is { IsConnected: true })
        {
            return;
        }

        var known = _known.GetValueOrDefault(node.Name) ?? new(node);
        _known[node.Name] = known;
        (known.IsConnected, known.Since) = (true, world.Time.GetUtcNow());
        world.Trace.Add($"the extension of {node.Name} is connected");
        Report(node);
    }

    /// <summary>The link is lost; the agent dials in again when it can.</summary>
    internal void Lost(SimulatedNode node)
    {
        if (_known.GetValueOrDefault(node.Name) is { IsConnected: true } known)
        {
            (known.IsConnected, known.Since) = (false, world.Time.GetUtcNow());
            known.Fall();
            world.Trace.Add($"the extension of {node.Name} is lost");
            Changed?.Invoke(node.Name);
        }
    }

    /// <summary>The agent has something to report; many changes are one report.</summary>
    internal void Report(SimulatedNode node)
    {
        if (_known.GetValueOrDefault(node.Name) is not { IsConnected: true, IsReporting: false } known)
        {
            return;
        }

        known.IsReporting = true;
        world.Time.After(world.Random.Milliseconds(5, 200), () =>
        {
            known.IsReporting = false;
            Receive(known);
        });
    }

    private void Receive(Known link)
    {
        if (link.IsConnected && link.Node.IsUp)
        {
            link.Report = new(mutation.Tell(link.Node.Agent.Report()), world.Time.GetUtcNow(), "boot");
            Changed?.Invoke(link.Node.Name);
        }
    }

    // What was sent is done, whether anybody still waits for it.
    private void Arrive(Known link, Command command, TaskCompletionSource<CommandResult> answer)
    {
        if (!link.Node.IsUp || (link.Node.IsExtensionCut && world.Random.Chance(50)))
        {
            return;
        }

        world.Referee.Arrived(link.Node, command);
        var result = link.Node.Agent.Do(command);
        if (command.ActionCase != Command.ActionOneofCase.Inspect)
        {
            world.Trace.Add($"{link.Node.Name} {command.ActionCase} {result.Reason}");
        }

        link.Node.Agent.Changed();
        world.Time.After(world.Random.Milliseconds(1, 30), () =>
        {
            if (link.IsConnected && !link.Node.IsExtensionCut)
            {
                // A report that is due goes first, on the same stream.
                Receive(link);
                answer.TrySetResult(result);
            }
        });
    }

    private TimeSpan Latency(Command command) =>
        command.ActionCase == Command.ActionOneofCase.Stage ? world.Random.Milliseconds(20, world.Random.Chance(10) ? 20_000 : 600) : world.Random.Milliseconds(1, 60);

    private sealed class Known(SimulatedNode node)
    {
        internal event Action? Lost;

        internal SimulatedNode Node => node;

        internal AgentReport? Report { get; set; }

        internal bool IsConnected { get; set; }

        internal bool IsReporting { get; set; }

        internal DateTimeOffset? Since { get; set; }

        internal Task Turn { get; set; } = Task.CompletedTask;

        internal void Fall() => Lost?.Invoke();
    }
}

using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Simulation.Mutations;
using Qm.Fleet.Simulation.Runs;

namespace Qm.Fleet.Simulation.Models;

/// <summary>What one incarnation of the controller has of one incarnation of bluechi-controller.</summary>
internal sealed partial class SimulatedBlueChi(World world, Mutation mutation) : IBlueChi
{
    private static readonly TimeSpan CallDeadline = TimeSpan.FromSeconds(35);
    private static readonly TimeSpan JobDeadline = TimeSpan.FromMinutes(5);
    private readonly int _incarnation = world.BlueChi.Incarnation;
    private readonly HashSet<(string Node, string Unit)> _busy = [];

    public Task<IReadOnlyDictionary<string, PropertyValue>> GetUnitPropertiesAsync(string node, string unit, string systemdInterface, CancellationToken ct) =>
        CallAsync(node, isMutation: false, link => Read(link, unit));

    public async Task SetUnitPropertiesAsync(string node, string unit, bool runtime, IReadOnlyList<UnitProperty> properties, CancellationToken ct)
    {
        using var turn = Begin(node, unit, $"sets {string.Join(", ", properties.Select(property => property.Name))}");
        await CallAsync(node, isMutation: true, link =>
        {
            if (link.Node.Qm.IsActive && properties.FirstOrDefault(property => property.Name == "MemoryHigh") is { } high && high.Value.TryGetUInt64(out var bytes))
            {
                link.Node.MemoryHigh = bytes == ulong.MaxValue ? null : bytes;
                link.Node.Agent.Changed();
            }

            return true;
        });
    }

    public async Task ReloadAsync(string node, CancellationToken ct)
    {
        world.Referee.Mutated(node, "", "Reload");
        await CallAsync(node, isMutation: true, link =>
        {
            if (link.IsQm)
            {
                link.Node.ReloadInside();
            }
            else
            {
                link.Node.Reload();
            }

            world.BlueChi.Forget(node);

            return true;
        });
    }

    public async Task ResetFailedUnitAsync(string node, string unit, CancellationToken ct)
    {
        using var turn = Begin(node, unit, "ResetFailed");
        world.Referee.Healing.Begins(QmNode.HostOf(node, out _), unit);
        await CallAsync(node, isMutation: true, static _ => true);
    }

    public Task<JobOutcome> StartUnitAsync(string node, string unit, CancellationToken ct) => JobAsync(node, unit, JobType.Start);

    public Task<JobOutcome> StopUnitAsync(string node, string unit, CancellationToken ct) => JobAsync(node, unit, JobType.Stop);

    public async Task<JobOutcome> RestartUnitAsync(string node, string unit, CancellationToken ct)
    {
        var outcome = await JobAsync(node, unit, JobType.Restart);
        return outcome.Result == JobResult.Unknown && mutation.Is(Bug.LateJobRepeated) ? await JobAsync(node, unit, JobType.Restart) : outcome;
    }

    private static IReadOnlyDictionary<string, PropertyValue> Read(SimulatedBus.Link link, string unit)
    {
        var node = link.Node;
        var found = (link.IsQm, unit) switch
        {
            (false, QmNode.Unit) => node.Qm,
            (false, QmNode.AgentUnit) => node.HostAgent,
            (false, SimulatedNode.Parked) => node.ParkedTarget,
            (false, SimulatedNode.Brake) => node.BrakeControl,
            (true, QmNode.AgentUnit) => node.QmAgent,
            (true, _) => node.Workloads.GetValueOrDefault(unit.Replace(".service", "", StringComparison.Ordinal)),
            _ => null,
        };
        return (found ?? new() { LoadState = "not-found" }).Properties(
            found == node.Qm ? node.LoadedScore : found == node.BrakeControl ? node.LoadedBrakeScore ?? 0 : null, found == node.BrakeControl && node.LoadedBrakeScore != node.BrakeScore);
    }

    // The unit's state is read first, so that an agent that is silent is found out before it is given anything to do later.
    private async Task<JobOutcome> JobAsync(string node, string unit, JobType type)
    {
        using var turn = Begin(node, unit, type.ToString());
        await CallAsync(node, isMutation: false, link => Read(link, unit));
        var sent = world.Time.Elapsed;
        var link = world.BlueChi.Find(node)!;
        var ended = new TaskCompletionSource<JobOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (world.Random.Chance(world.Setup.FreezesAtJob) && !link.IsQm)
        {
            world.Freeze(link.Node, world.Random.Milliseconds(5_000, 90_000));
        }

        await Task.Delay(world.Random.Milliseconds(1, 20), world.Time);
        if (_incarnation != world.BlueChi.Incarnation)
        {
            throw new ConnectionLostException("bluechi-controller is gone");
        }

        if (world.Random.Chance(world.Setup.LostJobs / 4))
        {
            return new(JobResult.Failed, "canceled");
        }

        using var drop = link.OnDrop(() => ended.TrySetResult(new(JobResult.Unknown, $"{node} was lost while {unit} was at it")));
        link.Give(() =>
        {
            world.Referee.Carried(link.Node, link.IsQm, unit, type, sent);
            var isTold = !world.Random.Chance(world.Setup.LostJobs);
            if (world.Random.Chance(world.Setup.LostJobs / 4))
            {
                // Numbers of jobs begin anew with bluechi-controller, so that the end of another one is taken for this one's.
                ended.TrySetResult(new(JobResult.Done, "done"));
            }

            new SimulatedJob(world, link.Node, link.IsQm, unit, type).Do(outcome =>
            {
                if (isTold && link.Node.CanTell)
                {
                    ended.TrySetResult(outcome);
                }
            });
        });
        using var limit = world.Time.At(JobDeadline, () => ended.TrySetResult(new(JobResult.Unknown, $"nobody told the end of the job of {unit} within {JobDeadline.TotalMinutes} minutes")));
        return await ended.Task;
    }

    private async Task<T> CallAsync<T>(string node, bool isMutation, Func<SimulatedBus.Link, T> call)
    {
        await Task.Delay(world.Random.Milliseconds(1, 30), world.Time);
        if (_incarnation != world.BlueChi.Incarnation)
        {
            throw new ConnectionLostException("bluechi-controller is gone");
        }

        if (world.BlueChi.Find(node) is not { IsOnline: true } link)
        {
            throw new NodeOfflineException($"{node} is offline");
        }

        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        BlueChiException Silent() => isMutation ? new OutcomeUnknownException($"{node} does not answer") : new NodeOfflineException($"{node} does not answer");
        using var drop = link.OnDrop(() => answer.TrySetException(Silent()));
        link.Give(() =>
        {
            var result = call(link);
            if (link.Node.CanTell)
            {
                world.Time.After(world.Random.Milliseconds(1, 10), () => answer.TrySetResult(result));
            }
        });
        using var limit = world.Time.At(CallDeadline, () => answer.TrySetException(Silent()));
        return await answer.Task;
    }

    private Turn Begin(string node, string unit, string what)
    {
        world.Referee.Mutated(node, unit, what);
        world.Referee.Require(_busy.Add((node, unit)), $"one operation at a time: {what} of {unit} on {node} while another is under way");
        return new(_busy, (node, unit));
    }

    private sealed record Turn(HashSet<(string Node, string Unit)> Busy, (string Node, string Unit) Unit) : IDisposable
    {
        public void Dispose() => Busy.Remove(Unit);
    }
}

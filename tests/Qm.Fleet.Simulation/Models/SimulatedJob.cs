using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Simulation.Runs;

namespace Qm.Fleet.Simulation.Models;

/// <summary>A job of systemd, on the host or inside QM: it is done when the unit runs, which is before what is in it is ready.</summary>
internal sealed class SimulatedJob(World world, SimulatedNode node, bool isQm, string unit, JobType type)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);
    private static readonly JobOutcome Done = new(JobResult.Done, "done");

    internal void Do(Action<JobOutcome> ended)
    {
        if (!isQm)
        {
            DoHost(ended);
        }
        else if (unit == QmNode.AgentUnit)
        {
            // Who would tell the end is what ends.
            node.RestartQmAgent();
        }
        else
        {
            DoInside(unit.Replace(".service", "", StringComparison.Ordinal), ended);
        }
    }

    private void DoHost(Action<JobOutcome> ended)
    {
        // NRestarts counts from the last start that somebody asked for.
        (node.Qm.Job, node.Qm.Restarts) = (world.NextJob(), 0);
        if (type == JobType.Restart)
        {
            node.RestartQm();
        }
        else
        {
            node.StartQm();
        }

        End(node.Qm, ended);
    }

    private void DoInside(string name, Action<JobOutcome> ended)
    {
        if (!node.Workloads.TryGetValue(name, out var workload))
        {
            ended(new(JobResult.Refused, $"Unit {unit} not found.", "org.freedesktop.systemd1.NoSuchUnit"));
            return;
        }

        if (type == JobType.Stop)
        {
            node.StopWorkload(name);
            ended(Done);
            return;
        }

        (workload.Job, workload.Restarts) = (world.NextJob(), 0);
        node.StartWorkload(name);
        End(workload, ended);
    }

    // Polled, because a unit may fall again before anybody hears that it had come up.
    private void End(SimulatedUnit at, Action<JobOutcome> ended)
    {
        var job = at.Job;
        var left = 1_200;
        void Look()
        {
            if (at.ActiveState is "activating" or "deactivating" && node.IsUp && --left > 0)
            {
                world.Time.After(Poll, Look);
                return;
            }

            if (at.Job == job)
            {
                at.Job = 0;
            }

            if (node.IsUp)
            {
                ended(at.IsActive ? Done : new(JobResult.Failed, "failed"));
            }
        }

        world.Time.After(Poll, Look);
    }
}

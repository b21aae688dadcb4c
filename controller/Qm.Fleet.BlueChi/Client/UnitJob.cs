using Qm.Fleet.BlueChi.Jobs;

namespace Qm.Fleet.BlueChi.Client;

/// <summary>A job that was sent to a node.</summary>
internal sealed class UnitJob(BlueChiClient client, JobType type, string node, string unit, UnitState before, DateTimeOffset askedAt) : IUnitJob
{
    public uint Id { get; private set; }

    public JobType Type => type;

    public string Node => node;

    public string Unit => unit;

    public Task<JobOutcome> Outcome { get; internal set; } = null!;

    /// <summary>The unit before it was sent.</summary>
    internal UnitState Before => before;

    /// <summary>When it was sent.</summary>
    internal DateTimeOffset AskedAt => askedAt;

    /// <summary>Its object; empty when nobody answered.</summary>
    internal string Path { get; private set; } = "";

    /// <summary>Its end as BlueChi tells it.</summary>
    internal Task<JobOutcome> End { get; private set; } = null!;

    internal string What => $"{type}Unit of {unit} on {node}";

    /// <summary>Takes the reply; on the connection's thread, before any signal that came after it.</summary>
    internal void Accepted(string path, JobTracker jobs) => (Path, Id, End) = (path, Wire.NumberOf(path), jobs.Await(path, node, unit));

    /// <summary>Nobody answered.</summary>
    internal void NotAnswered(BlueChiException e) => End = Task.FromResult(new JobOutcome(JobResult.Unknown, e.Message, e.ErrorName));

    public async Task<JobState> GetStateAsync(CancellationToken ct)
    {
        if (Path.Length == 0)
        {
            return JobState.Gone;
        }

        try
        {
            return await client.ReadAsync(Path, Wire.Properties, "Get", [Wire.Job, "State"], $"State of the job of {What}", Replies.ToJobState, ct);
        }
        catch (UnknownNodeException)
        {
            // Jobs are objects like nodes, and exist until they end.
            return JobState.Gone;
        }
    }

    public async Task CancelAsync(CancellationToken ct)
    {
        if (Path.Length == 0)
        {
            return;
        }

        try
        {
            await client.CallAsync(Path, Wire.Job, "Cancel", [], $"Cancel of {What}", null, ct);
        }
        catch (UnknownNodeException)
        {
            // It has ended; its outcome tells how.
        }
    }
}

namespace Qm.Fleet.Agent.Usage;

/// <summary>Looks at what is used at a steady pace and remembers it, whether anybody listens or not.</summary>
/// <param name="reader">Looks.</param>
/// <param name="interval">Between two looks, 1 s to 1 h.</param>
/// <param name="time">Times the pauses.</param>
internal sealed class UsageSampler(UsageReader reader, TimeSpan interval, TimeProvider time)
{
    /// <summary>Least time between two looks.</summary>
    public static readonly TimeSpan IntervalMin = TimeSpan.FromSeconds(1);

    /// <summary>Most time between two looks.</summary>
    public static readonly TimeSpan IntervalMax = TimeSpan.FromHours(1);

    /// <summary>Between two looks.</summary>
    public TimeSpan Interval => interval;

    /// <summary>What was seen.</summary>
    public UsageHistory History { get; } = new(time);

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            History.Add(reader.Read());
            await Task.Delay(interval, time, cancellationToken).ConfigureAwait(false);
        }
    }
}

using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Probes;

/// <summary>What one stream was told of probes already, and so what is left to tell.</summary>
internal sealed class ProbeChanges
{
    private readonly Dictionary<string, ProbeResult> _told = new(StringComparer.Ordinal);

    /// <summary>What of <paramref name="now"/> the stream does not know, which counts as told from then on; null when it knows it all.</summary>
    public ProbeResults? Take(IReadOnlyList<ProbeResult> now)
    {
        // A stream that knows of none has to be told all there are, as one has that knows of one that is no more.
        var isComplete = (_told.Count == 0 && now.Count > 0) || _told.Keys.Except(now.Select(result => result.Unit), StringComparer.Ordinal).Any();
        ProbeResult[] news = isComplete ? [.. now] : [.. now.Where(result => !result.Equals(_told.GetValueOrDefault(result.Unit)))];
        if (isComplete)
        {
            _told.Clear();
        }

        foreach (var result in news)
        {
            _told[result.Unit] = result;
        }

        return isComplete || news.Length > 0 ? new() { Complete = isComplete, Results = { news } } : null;
    }
}

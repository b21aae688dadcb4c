using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Usage;

/// <summary>What one stream was told of usage already, and so what is left to tell.</summary>
internal sealed class UsageChanges
{
    private readonly Dictionary<string, CgroupUsage> _told = new(StringComparer.Ordinal);
    private V1.Usage _rest = new();

    /// <summary>What of <paramref name="now"/> the stream does not know, which counts as told from then on; null when it knows it all.</summary>
    public V1.Usage? Take(V1.Usage now)
    {
        var news = new V1.Usage { LeftOut = now.LeftOut };
        news.Problems.AddRange(now.Problems);
        var changed = !news.Equals(_rest);
        _rest = news.Clone();

        // Containers of one unit follow each other; two at once are a restart that is seen in the middle.
        var units = now.Nested.Concat(now.Qm is { } qm ? [qm] : []).GroupBy(cgroup => cgroup.Unit).ToDictionary(same => same.Key, same => same.Last(), StringComparer.Ordinal);
        foreach (var (unit, cgroup) in units)
        {
            if (cgroup.Equals(_told.GetValueOrDefault(unit)))
            {
                continue;
            }

            changed = true;
            _told[unit] = cgroup;
            if (ReferenceEquals(cgroup, now.Qm))
            {
                news.Qm = cgroup;
            }
            else
            {
                news.Nested.Add(cgroup);
            }
        }

        news.Gone.AddRange(_told.Keys.Except(units.Keys).Order(StringComparer.Ordinal));
        foreach (var unit in news.Gone)
        {
            _told.Remove(unit);
        }

        return changed || news.Gone.Count > 0 ? news : null;
    }
}

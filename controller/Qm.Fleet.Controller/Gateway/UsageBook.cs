namespace Qm.Fleet.Controller.Gateway;

/// <summary>Puts together what one link told of usage, change by change. Not safe for concurrent use.</summary>
internal sealed class UsageBook
{
    /// <summary>Most containers that are kept; an agent tells no more.</summary>
    public const int MaxContainers = 200;

    private readonly SortedDictionary<string, V1.CgroupUsage> _nested = new(StringComparer.Ordinal);
    private V1.CgroupUsage? _qm;

    /// <summary>Takes what changed and answers all that is known; what is beyond <see cref="MaxContainers"/> is counted only.</summary>
    public V1.Usage Merge(V1.Usage change)
    {
        foreach (var unit in change.Gone)
        {
            _nested.Remove(unit);
            _qm = _qm?.Unit == unit ? null : _qm;
        }
        _qm = change.Qm ?? _qm;
        var refused = 0;
        foreach (var container in change.Nested)
        {
            if (_nested.Count < MaxContainers || _nested.ContainsKey(container.Unit))
            {
                _nested[container.Unit] = container;
            }
            else
            {
                refused++;
            }
        }
        return new V1.Usage { Qm = _qm, Nested = { _nested.Values }, LeftOut = change.LeftOut + refused, Problems = { change.Problems } };
    }
}

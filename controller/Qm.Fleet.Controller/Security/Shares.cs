using System.Collections.Concurrent;

namespace Qm.Fleet.Controller.Security;

/// <summary>How much of something each has at once, and no more than its share. Holds only who has some.</summary>
internal sealed class Shares<TKey>
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, int> _held = [];

    /// <summary>How much one has.</summary>
    public int Held(TKey key) => _held.GetValueOrDefault(key);

    /// <summary>Takes one more, unless that would be more than the most.</summary>
    /// <returns>Whether it was taken; then it is given back with <see cref="GiveBack"/>.</returns>
    public bool TryTake(TKey key, int most)
    {
        if (_held.AddOrUpdate(key, 1, static (_, held) => held + 1) <= most)
        {
            return true;
        }
        GiveBack(key);
        return false;
    }

    /// <summary>Gives one back.</summary>
    public void GiveBack(TKey key)
    {
        while (_held.TryGetValue(key, out var held))
        {
            if (held == 1 ? _held.TryRemove(KeyValuePair.Create(key, held)) : _held.TryUpdate(key, held - 1, held))
            {
                return;
            }
        }
    }
}

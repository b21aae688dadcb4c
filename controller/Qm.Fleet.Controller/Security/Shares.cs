using System.Collections.Concurrent;

namespace Qm.Fleet.Controller.Security;

/// <summary>How much of something each has at once, and no more than its share. Holds only who has some.</summary>
internal sealed class Shares<TKey>
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, int> _held = [];

    /// <summary>How much one has.</summary>
    public int Held(TKey key) => _held.GetValueOrDefault(key);

    /// <summary>Takes one or some more, unless that would be more than the most.</summary>
    /// <returns>Whether it was taken; then it is given back with <see cref="GiveBack"/>.</returns>
    public bool TryTake(TKey key, int most, int some = 1)
    {
        if (_held.AddOrUpdate(key, static (_, some) => some, static (_, held, some) => held + some, some) <= most)
        {
            return true;
        }
        GiveBack(key, some);
        return false;
    }

    /// <summary>Gives it back.</summary>
    public void GiveBack(TKey key, int some = 1)
    {
        while (some > 0 && _held.TryGetValue(key, out var held))
        {
            if (held == some ? _held.TryRemove(KeyValuePair.Create(key, held)) : _held.TryUpdate(key, held - some, held))
            {
                return;
            }
        }
    }
}

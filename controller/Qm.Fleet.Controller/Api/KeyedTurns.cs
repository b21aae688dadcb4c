namespace Qm.Fleet.Controller.Api;

/// <summary>One at a time of those that have the same key; others do not wait for each other. Holds no more keys than there are who wait.</summary>
internal sealed class KeyedTurns
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Waits for those before with the same key; disposing of what it returns lets the next one in.</summary>
    public async Task<IDisposable> TakeAsync(string key, CancellationToken ct)
    {
        Entry entry;
        lock (_gate)
        {
            entry = _entries.TryGetValue(key, out var known) ? known : _entries[key] = new();
            entry.Users++;
        }
        try
        {
            await entry.Semaphore.WaitAsync(ct).ConfigureAwait(false);
            return new Turn(this, key, entry);
        }
        catch (OperationCanceledException)
        {
            Leave(key, entry);
            throw;
        }
    }

    private void Leave(string key, Entry entry)
    {
        lock (_gate)
        {
            if (--entry.Users == 0)
            {
                _entries.Remove(key);
                entry.Semaphore.Dispose();
            }
        }
    }

    private sealed class Entry
    {
        public SemaphoreSlim Semaphore { get; } = new(1, 1);

        public int Users { get; set; }
    }

    private sealed class Turn(KeyedTurns turns, string key, Entry entry) : IDisposable
    {
        private Entry? _entry = entry;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _entry, null) is { } taken)
            {
                taken.Semaphore.Release();
                turns.Leave(key, taken);
            }
        }
    }
}

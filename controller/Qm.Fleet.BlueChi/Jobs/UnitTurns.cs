namespace Qm.Fleet.BlueChi.Jobs;

/// <summary>Lets one operation at a time at a unit of a node: two jobs can become one in systemd, and then only the newer is heard to end.</summary>
internal sealed class UnitTurns
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Node, string Unit), Entry> _entries = [];

    /// <summary>Waits for the operations before; disposing of what it returns lets the next one in.</summary>
    internal async Task<IDisposable> TakeAsync(string node, string unit, CancellationToken ct)
    {
        Entry entry;
        lock (_gate)
        {
            entry = _entries.TryGetValue((node, unit), out var known) ? known : _entries[(node, unit)] = new();
            entry.Users++;
        }

        var turn = new Turn(this, (node, unit), entry);
        try
        {
            await entry.Semaphore.WaitAsync(ct);
            turn.IsTaken = true;
            return turn;
        }
        catch (OperationCanceledException)
        {
            turn.Dispose();
            throw;
        }
    }

    private sealed class Entry
    {
        internal SemaphoreSlim Semaphore { get; } = new(1, 1);

        internal int Users { get; set; }
    }

    private sealed class Turn(UnitTurns turns, (string Node, string Unit) key, Entry entry) : IDisposable
    {
        private int _disposed;

        internal bool IsTaken { get; set; }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0)
            {
                return;
            }

            if (IsTaken)
            {
                entry.Semaphore.Release();
            }

            lock (turns._gate)
            {
                if (--entry.Users == 0)
                {
                    turns._entries.Remove(key);
                    entry.Semaphore.Dispose();
                }
            }
        }
    }
}

using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Storage;

/// <summary>What a disk can hold when a process is killed while it stores something: everything that was written up to some byte, and what was there before behind it.</summary>
/// <remarks>
/// A write reaches the disk as frames of SQLite's write-ahead log, one after the other and in place of those of an earlier round; the database file itself changes only when the log is taken
/// over, which a short write does not do. So every state is the database as it was, and a log whose begin is the new one and whose rest is the old one.
/// </remarks>
internal sealed class KilledWrites(StoreFixture store)
{
    // A frame: a page of 4 KiB after its header.
    private const int Frame = 4096 + 24;
    private const int LogHeader = 32;

    /// <summary>Has something stored, kills it at every frame and within it, and has the next start look.</summary>
    /// <param name="write">Answers when it is stored.</param>
    /// <param name="look">What a start finds.</param>
    /// <returns>What was found before, and after; nothing else ever was, and after once it had been answered.</returns>
    public async Task<(string Before, string After)> EverywhereAsync(Func<Task> write, Func<Database, string> look)
    {
        var (file, log) = (Bytes(store.File), Bytes(Log));
        var before = Look(file, log, look);

        await write();

        // As the disk is when the answer goes out: nothing was closed, and nothing taken over since.
        var (fileThen, logThen) = (Bytes(store.File), Bytes(Log));
        Assert.True(file.AsSpan().SequenceEqual(fileThen), "the log was taken over meanwhile; store less before");
        var after = Look(fileThen, logThen, look);
        Assert.NotEqual(before, after);
        var hasEnded = false;
        foreach (var at in Cuts(log, logThen))
        {
            byte[] torn = [.. logThen[..at], .. at < log.Length ? log[at..] : []];
            var found = Look(file, torn, look);
            Assert.True(found == before || found == after, $"killed at byte {at} of {logThen.Length}, a start finds neither what was before nor what was asked for: {found}");
            Assert.True(found == after || !hasEnded, $"killed at byte {at}, a start does not find what one killed earlier does");
            hasEnded = found == after;
        }

        return (before, after);
    }

    private string Log => store.File + "-wal";

    private static byte[] Bytes(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    // At the end of each frame, in its header and in its page.
    private static IEnumerable<int> Cuts(byte[] before, byte[] after)
    {
        var first = before.AsSpan().CommonPrefixLength(after);
        var frame = LogHeader + ((Math.Max(first - LogHeader, 0) / Frame) * Frame);
        for (; frame < after.Length; frame += Frame)
        {
            yield return Math.Min(frame + 12, after.Length);
            yield return Math.Min(frame + (Frame / 2), after.Length);
            yield return Math.Min(frame + Frame - 1, after.Length);
            yield return Math.Min(frame + Frame, after.Length);
        }
    }

    private string Look(byte[] file, byte[] log, Func<Database, string> look)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["fleet.db"], file);
        File.WriteAllBytes(folder["fleet.db-wal"], log);
        using var database = Database.Open(folder["fleet.db"], new ChangeFeed(), store.Time);
        return look(database);
    }
}

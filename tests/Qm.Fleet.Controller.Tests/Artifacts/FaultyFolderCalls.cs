using Qm.Fleet.Controller.Artifacts;

namespace Qm.Fleet.Controller.Tests.Artifacts;

/// <summary>Stands for a kill: nothing of the controller runs after it.</summary>
internal sealed class CrashException : Exception;

/// <summary>When a kill comes.</summary>
internal enum Kill
{
    Before,
    Halfway,
    After,
}

/// <summary>The calls on the folder of the archives, of which one is the last, counted from 1.</summary>
internal sealed class FaultyFolderCalls(Kill kill = Kill.After, int at = 0) : IFolderCalls
{
    private readonly FolderCalls _disk = new();
    private bool _dead;

    /// <summary>The calls made so far, in words.</summary>
    public List<string> Made { get; } = [];

    public void Create(string folder) => Change("mkdir", () => _disk.Create(folder));

    public FileStream Open(string path, FileStreamOptions options)
    {
        FileStream? opened = null;
        // Without a buffer: what lies in one when the kill comes is as if it had not been written, which is another place to be killed at.
        Change("open", () => opened = new FaultyFile(this, path, options));
        return opened!;
    }

    public void Rename(string from, string to) => Change("rename", () => _disk.Rename(from, to));

    public void Delete(string path) => Change("delete", () => _disk.Delete(path));

    public void Flush(string folder) => Change("flush folder", () => _disk.Flush(folder));

    private void Change(string call, Action perform, Action? half = null)
    {
        if (_dead)
        {
            throw new CrashException();
        }

        Made.Add(call);
        _dead = Made.Count == at;
        if (!_dead || kill == Kill.After)
        {
            perform();
        }
        else if (kill == Kill.Halfway)
        {
            half?.Invoke();
        }

        if (_dead)
        {
            throw new CrashException();
        }
    }

    private sealed class FaultyFile(FaultyFolderCalls calls, string path, FileStreamOptions options)
        : FileStream(path, new FileStreamOptions { Mode = options.Mode, Access = options.Access, Share = options.Share, BufferSize = 0, UnixCreateMode = options.UnixCreateMode })
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            calls.Change("write", () => base.Write(buffer.Span), half: () => base.Write(buffer.Span[..(buffer.Length / 2)]));
            return ValueTask.CompletedTask;
        }

        public override Task FlushAsync(CancellationToken cancellationToken)
        {
            calls.Change("flush", () => base.Flush(flushToDisk: false));
            return Task.CompletedTask;
        }

        public override void Flush(bool flushToDisk) => calls.Change("sync", () => base.Flush(flushToDisk));
    }
}

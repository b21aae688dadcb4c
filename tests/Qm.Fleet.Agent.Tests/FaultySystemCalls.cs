using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Tests;

/// <summary>Stands for a kill: nothing of the agent runs after it.</summary>
internal sealed class CrashException : Exception;

/// <summary>The kernel with a plan of what goes wrong at which system call that changes something, counted from 1.</summary>
/// <param name="fault">What goes wrong.</param>
/// <param name="at">At which call.</param>
/// <param name="errno">The error of a call that fails.</param>
/// <param name="broken">The end of calls that fail every time, besides.</param>
/// <param name="isKilled">Whether the agent was killed while a program of the node ran for it; null where none is.</param>
internal sealed class FaultySystemCalls(Fault fault = Fault.None, int at = 0, int errno = 0, string? broken = null, Func<bool>? isKilled = null) : ISystemCalls
{
    private readonly LinuxSystemCalls _kernel = new();
    private bool _dead;

    /// <summary>The calls made so far that change something, in words.</summary>
    public List<string> Made { get; } = [];

    /// <summary>The files that were opened for reading, those that are not there included.</summary>
    public List<string> Opened { get; } = [];

    /// <summary>The end of directories that cannot be listed; null for none.</summary>
    public string? Unlistable { get; set; }

    /// <summary>The end of what fails when it is opened as no system call does, the way a reader fails over a file nobody thought of; null for none.</summary>
    public string? Unforeseen { get; set; }

    public SafeFileHandle Open(NodeDirectory directory, string path, OpenKind kind)
    {
        Live();
        Note(directory, path, kind);
        return _kernel.Open(directory, path, kind);
    }

    public SafeFileHandle? TryOpen(NodeDirectory directory, string path, OpenKind kind)
    {
        Live();
        Note(directory, path, kind);
        return _kernel.TryOpen(directory, path, kind);
    }

    public int Read(SafeFileHandle file, Span<byte> buffer, string path)
    {
        Live();
        return _kernel.Read(file, buffer, path);
    }

    public void List(NodeDirectory directory, bool onlyDirectories, Action<string> found)
    {
        Live();
        if (Unlistable is { } end && directory.Path.EndsWith(end, StringComparison.Ordinal))
        {
            throw new NodeFileException("list", directory.Path, Errno.InputOutput, "Input/output error");
        }

        _kernel.List(directory, onlyDirectories, found);
    }

    public SafeFileHandle Create(NodeDirectory directory, string name, UnixFileMode mode)
    {
        SafeFileHandle? created = null;
        Change($"create {directory.Of(name)}", () => created = _kernel.Create(directory, name, mode));
        return created!;
    }

    public void Write(SafeFileHandle file, ReadOnlySpan<byte> content, string path)
    {
        var copy = content.ToArray();
        Change($"write {path}", () => _kernel.Write(file, copy, path), half: () => _kernel.Write(file, copy.AsSpan(0, copy.Length / 2), path));
    }

    public void Flush(SafeFileHandle file, string path) => Change($"flush {path}", () => _kernel.Flush(file, path));

    public void FlushDirectory(NodeDirectory directory) => Change($"flush {directory.Path}", () => _kernel.FlushDirectory(directory));

    public void Rename(NodeDirectory directory, string from, string to) =>
        Change($"rename {directory.Of(from)} {directory.Of(to)}", () => _kernel.Rename(directory, from, to));

    public void Link(NodeDirectory directory, string from, string to) =>
        Change($"link {directory.Of(from)} {directory.Of(to)}", () => _kernel.Link(directory, from, to));

    public void Delete(NodeDirectory directory, string name) => Change($"delete {directory.Of(name)}", () => _kernel.Delete(directory, name));

    public void MakeDirectory(NodeDirectory directory, string name, UnixFileMode mode) =>
        Change($"mkdir {directory.Of(name)}", () => _kernel.MakeDirectory(directory, name, mode));

    public void RemoveDirectory(NodeDirectory directory, string name) =>
        Change($"rmdir {directory.Of(name)}", () => _kernel.RemoveDirectory(directory, name));

    public void SymbolicLink(NodeDirectory directory, string name, string target) =>
        Change($"symlink {directory.Of(name)}", () => _kernel.SymbolicLink(directory, name, target));

    public void HardLink(NodeDirectory fromDirectory, string from, NodeDirectory toDirectory, string to) =>
        Change($"link {fromDirectory.Of(from)} {toDirectory.Of(to)}", () => _kernel.HardLink(fromDirectory, from, toDirectory, to));

    public void ChangeOwner(NodeDirectory directory, string name, uint uid, uint gid) =>
        Change($"chown {directory.Of(name)}", () => _kernel.ChangeOwner(directory, name, uid, gid));

    // Several system calls: half of them leave the attributes out.
    public void Apply(SafeFileHandle file, FileFacts facts, IEnumerable<KeyValuePair<string, byte[]>> attributes, string path) => Change(
        $"apply {path}", () => _kernel.Apply(file, facts, attributes, path), half: () => _kernel.Apply(file, facts with { ModifiedSeconds = 0 }, [], path));

    public void FlushFileSystem(NodeDirectory directory) => Change($"flushfs {directory.Path}", () => _kernel.FlushFileSystem(directory));

    // One system call for each name below: half of them leave the rest of a tree.
    public void RemoveTree(NodeDirectory directory, string name) =>
        Change($"rmtree {directory.Of(name)}", () => _kernel.RemoveTree(directory, name), half: () => RemoveSome(directory, name));

    private static void RemoveSome(NodeDirectory directory, string name)
    {
        var files = Directory.GetFiles($"/proc/self/fd/{directory.Handle.DangerousGetHandle()}/{name}", "*", SearchOption.AllDirectories);
        foreach (var file in files.Order(StringComparer.Ordinal).Take((files.Length + 1) / 2))
        {
            File.Delete(file);
        }
    }

    private void Change(string call, Action perform, Action? half = null)
    {
        Live();
        Made.Add(call);
        var now = Made.Count == at;
        if (broken is not null && call.EndsWith(broken, StringComparison.Ordinal))
        {
            perform = () => throw new NodeFileException("write", call, errno, $"error {errno}");
        }

        switch (fault)
        {
            case Fault.KillBefore when now:
                Die();
                break;
            case Fault.KillHalfway when now:
                half?.Invoke();
                Die();
                break;
            case Fault.KillAfter when now:
                try
                {
                    perform();
                }
                catch (NodeFileException)
                {
                    // Killed before it heard that the call failed.
                }

                Die();
                break;
            case Fault.FailOnce when now:
            case Fault.FailFromThenOn when Made.Count >= at && NeedsSpace(call):
                half?.Invoke();
                throw new NodeFileException("write", call, errno, $"error {errno}");
        }

        perform();
    }

    // A full disk still removes and renames.
    private static bool NeedsSpace(string call) => call.StartsWith("write ", StringComparison.Ordinal) || call.StartsWith("mkdir ", StringComparison.Ordinal);

    private void Die()
    {
        _dead = true;
        throw new CrashException();
    }

    // A killed process does nothing in its finally blocks either.
    private void Note(NodeDirectory directory, string path, OpenKind kind)
    {
        if (Unforeseen is { } end && directory.Of(path).EndsWith(end, StringComparison.Ordinal))
        {
            throw new FormatException("nobody foresaw this");
        }

        if (kind == OpenKind.Read)
        {
            Opened.Add(directory.Of(path));
        }
    }

    private void Live()
    {
        _dead = _dead || isKilled?.Invoke() == true;
        if (_dead)
        {
            throw new CrashException();
        }
    }
}

/// <summary>What goes wrong.</summary>
internal enum Fault
{
    None,
    KillBefore,
    KillHalfway,
    KillAfter,
    FailOnce,
    FailFromThenOn,
}

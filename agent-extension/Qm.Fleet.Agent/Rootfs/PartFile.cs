using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>A download on its way: <c>&lt;sha256&gt;.part</c>, which outlives the agent so that the next attempt goes on from it.</summary>
internal sealed class PartFile : IDisposable
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly NodeRoot _slots;
    private readonly NodeDirectory _directory;
    private readonly string _name;
    private SafeFileHandle _file;

    /// <summary>Opens what an earlier attempt left, or begins.</summary>
    /// <exception cref="NodeFileException">The disk refused.</exception>
    public PartFile(NodeRoot slots, string name)
    {
        (_slots, _name) = (slots, name);
        _directory = slots.OpenDirectory("/");
        try
        {
            _file = OpenOrCreate();
        }
        catch (NodeFileException)
        {
            _directory.Dispose();
            throw;
        }

        Length = RandomAccess.GetLength(_file);
        WasResumed = Length > 0;
    }

    /// <summary>Bytes it has.</summary>
    public long Length { get; private set; }

    /// <summary>Whether its beginning is of an earlier attempt.</summary>
    public bool WasResumed { get; private set; }

    /// <summary>Appends.</summary>
    public void Append(ReadOnlySpan<byte> content)
    {
        _slots.Calls.Write(_file, content, _directory.Of(_name));
        Length += content.Length;
    }

    /// <summary>Begins anew.</summary>
    public void Restart()
    {
        if (Length > 0)
        {
            _file.Dispose();
            Delete();
            _file = _slots.Calls.Create(_directory, _name, Mode);
        }

        (Length, WasResumed) = (0, false);
    }

    /// <summary>Its content, from the start.</summary>
    public FileStream Read() => new(_slots.Calls.Open(_directory, _name, OpenKind.ReadNoFollow), FileAccess.Read, bufferSize: 128 * 1024);

    /// <summary>Removes it.</summary>
    public void Delete() => DirectoryWriter.TryDelete(_slots.Calls, _directory, _name);

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        _directory.Dispose();
    }

    private SafeFileHandle OpenOrCreate()
    {
        try
        {
            return _slots.Calls.Open(_directory, _name, OpenKind.Append);
        }
        catch (NodeFileException e) when (e.Error == Errno.NoEntry)
        {
            return _slots.Calls.Create(_directory, _name, Mode);
        }
    }
}

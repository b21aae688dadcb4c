using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>
/// Brings what a slot has under <c>/etc</c> and QM's own <c>/etc</c> has not; QM mounts its own over the slot's. What is there stays as it is, and
/// where it differs is told.
/// </summary>
/// <remarks>
/// Names appear whole: a file gets its name when its content is on the disk, so a kill leaves nothing that the next run takes for QM's own. No
/// symbolic link is followed on either side: what runs in QM writes its <c>/etc</c>.
/// </remarks>
internal sealed class EtcSeed
{
    private const UnixFileMode PrivateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode PrivateDirectoryMode = PrivateMode | UnixFileMode.UserExecute;
    private const string Beside = ".qm-fleet-seed.new";
    private const int DepthMax = 64;

    private readonly ISystemCalls _calls;
    private readonly List<string> _paths = [];
    private int _count;

    private EtcSeed(ISystemCalls calls) => _calls = calls;

    /// <summary>Seeds; repeating it changes nothing.</summary>
    /// <param name="root">The node.</param>
    /// <param name="slot">The slot.</param>
    /// <param name="qmEtc">QM's own <c>/etc</c> on the host.</param>
    /// <exception cref="NodeFileException">The disk refused; what was seeded until then stays.</exception>
    public static EtcDifferences Run(NodeRoot root, string slot, string qmEtc)
    {
        using var tree = root.Within(slot);
        using var etc = root.Within(qmEtc);
        NodeRoot source;
        try
        {
            source = tree.Within("etc");
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            return EtcDifferences.None;
        }

        using (source)
        {
            var seed = new EtcSeed(root.Calls);
            seed.Directory(source, etc, "", 0);
            return new(seed._paths, seed._count);
        }
    }

    private void Directory(NodeRoot from, NodeRoot to, string path, int depth)
    {
        using var source = from.OpenDirectory($"/{path}", OpenKind.DirectoryNoLinks);
        using var target = to.OpenDirectory($"/{path}", OpenKind.DirectoryNoLinks);
        RemoveLeftover(target);
        var isChanged = false;
        foreach (var name in from.List($"/{path}"))
        {
            if (TreeCalls.Look(source, name) is not { } wanted)
            {
                continue;
            }

            var found = TreeCalls.Look(target, name);
            if (found is null)
            {
                Copy(source, target, name, wanted);
                isChanged = true;
            }
            else if (found.Value.Type != wanted.Type || (!wanted.IsDirectory && !Same(source, target, name, wanted, found.Value)))
            {
                Differs($"/etc/{path}{name}");
                continue;
            }

            if (wanted.IsDirectory && depth < DepthMax)
            {
                Directory(from, to, $"{path}{name}/", depth + 1);
            }
        }

        if (isChanged)
        {
            _calls.FlushDirectory(target);
        }
    }

    private void Copy(NodeDirectory source, NodeDirectory target, string name, FileFacts facts)
    {
        if (facts.IsDirectory)
        {
            _calls.MakeDirectory(target, Beside, PrivateDirectoryMode);
            using (var from = _calls.Open(source, name, OpenKind.DirectoryNoLinks))
            using (var to = _calls.Open(target, Beside, OpenKind.DirectoryNoLinks))
            {
                _calls.Apply(to, facts, TreeCalls.Attributes(from, source.Of(name)), target.Of(name));
            }

            _calls.Rename(target, Beside, name);
        }
        else if (facts.IsLink)
        {
            _calls.SymbolicLink(target, Beside, TreeCalls.ReadLink(source, name));
            _calls.ChangeOwner(target, Beside, facts.Uid, facts.Gid);
            Name(target, name);
        }
        else if (facts.IsRegular)
        {
            using (var from = _calls.Open(source, name, OpenKind.ReadNoFollow))
            using (var to = _calls.Create(target, Beside, PrivateMode))
            {
                CopyContent(from, source.Of(name), to, target.Of(name));
                _calls.Apply(to, facts, TreeCalls.Attributes(from, source.Of(name)), target.Of(name));
                _calls.Flush(to, target.Of(name));
            }

            Name(target, name);
        }
    }

    // Unlike a rename, a second name never replaces what came in between.
    private void Name(NodeDirectory target, string name)
    {
        _calls.Link(target, Beside, name);
        _calls.Delete(target, Beside);
    }

    private void CopyContent(SafeFileHandle from, string fromPath, SafeFileHandle to, string toPath)
    {
        Span<byte> buffer = stackalloc byte[4096];
        while (_calls.Read(from, buffer, fromPath) is > 0 and var count)
        {
            _calls.Write(to, buffer[..count], toPath);
        }
    }

    private void RemoveLeftover(NodeDirectory target)
    {
        if (TreeCalls.Look(target, Beside) is { IsDirectory: true })
        {
            _calls.RemoveDirectory(target, Beside);
        }
        else
        {
            DirectoryWriter.TryDelete(_calls, target, Beside);
        }
    }

    private bool Same(NodeDirectory source, NodeDirectory target, string name, FileFacts wanted, FileFacts found) =>
        wanted.IsLink ? TreeCalls.ReadLink(source, name) == TreeCalls.ReadLink(target, name)
        : !wanted.IsRegular || (wanted.Size == found.Size && Digest(source, name).SequenceEqual(Digest(target, name)));

    private byte[] Digest(NodeDirectory directory, string name)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var file = _calls.Open(directory, name, OpenKind.ReadNoFollow);
        Span<byte> buffer = stackalloc byte[4096];
        while (_calls.Read(file, buffer, directory.Of(name)) is > 0 and var count)
        {
            digest.AppendData(buffer[..count]);
        }

        return digest.GetHashAndReset();
    }

    private void Differs(string path)
    {
        if (_count++ < EtcDifferences.PathsMax)
        {
            _paths.Add(path);
        }
    }
}

using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Agent.Tests.Rootfs;

/// <summary>An archive a test makes: ordinary entries by System.Formats.Tar, impossible ones byte by byte.</summary>
internal sealed class TestArchive
{
    public static readonly DateTimeOffset Modified = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

    private readonly List<byte> _tar = [];

    /// <summary>A rootfs QM could start from.</summary>
    public static TestArchive Bootable() => new TestArchive()
        .Directory("./")
        .Directory("./etc/")
        .Directory("./usr/lib/systemd/")
        .File("./usr/lib/systemd/systemd", "an ELF program", (UnixFileMode)0b111_101_101)
        .Link("./sbin/init", "/usr/lib/systemd/systemd");

    /// <summary>The file, complete.</summary>
    public byte[] ToArray(string compression = "tar")
    {
        byte[] tar = [.. _tar, .. new byte[1024]];
        using var file = new MemoryStream();
        using (Stream compressed = compression switch
        {
            "gz" => new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true),
            "zst" => new ZstdSharp.CompressionStream(file, 3, leaveOpen: true),
            _ => new MemoryStream(),
        })
        {
            compressed.Write(tar);
        }

        return compression == "tar" ? tar : file.ToArray();
    }

    public static string Digest(byte[] file) => Convert.ToHexStringLower(SHA256.HashData(file));

    /// <summary>Puts the archive on a node and names it by a file: address.</summary>
    public static RootfsArchive Put(EmulatedNode node, byte[] file)
    {
        System.IO.Directory.CreateDirectory(node.Of("srv"));
        System.IO.File.WriteAllBytes(node.Of("srv/rootfs.tar"), file);
        return new("file:///srv/rootfs.tar", Digest(file));
    }

    public TestArchive Directory(string path, UnixFileMode mode = (UnixFileMode)0b111_101_101) => Add(new PaxTarEntry(TarEntryType.Directory, path), mode);

    public TestArchive Link(string path, string target) => Add(new PaxTarEntry(TarEntryType.SymbolicLink, path) { LinkName = target }, (UnixFileMode)0b111_111_111);

    public TestArchive HardLink(string path, string target) => Add(new PaxTarEntry(TarEntryType.HardLink, path) { LinkName = target }, (UnixFileMode)0b110_100_100);

    public TestArchive File(string path, string content, UnixFileMode mode = (UnixFileMode)0b110_100_100, int uid = 0, int gid = 0) =>
        File(path, Encoding.UTF8.GetBytes(content), mode, uid, gid);

    public TestArchive File(string path, byte[] content, UnixFileMode mode = (UnixFileMode)0b110_100_100, int uid = 0, int gid = 0) =>
        Add(new PaxTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(content), Uid = uid, Gid = gid }, mode);

    /// <summary>Extended attributes of the entry that follows, byte for byte.</summary>
    public TestArchive Attributes(params (string Name, byte[] Value)[] attributes)
    {
        byte[] records = [.. attributes.SelectMany(attribute => Record(Encoding.UTF8.GetBytes($"SCHILY.xattr.{attribute.Name}"), attribute.Value))];
        return Raw('x', "pax", records);
    }

    /// <summary>An entry of any type and name, in the plain format.</summary>
    public TestArchive Raw(char type, string name, byte[]? content = null, string target = "")
    {
        var block = new byte[512];
        Encoding.UTF8.GetBytes(name).CopyTo(block, 0);
        Encoding.ASCII.GetBytes("0000644\00000000\00000000\0").CopyTo(block, 100);
        Encoding.ASCII.GetBytes(Convert.ToString(content?.Length ?? 0, 8).PadLeft(11, '0')).CopyTo(block, 124);
        Encoding.ASCII.GetBytes("00000000000\0        ").CopyTo(block, 136);
        block[156] = (byte)type;
        Encoding.UTF8.GetBytes(target).CopyTo(block, 157);
        "ustar\000"u8.CopyTo(block.AsSpan(257));
        Encoding.ASCII.GetBytes(Convert.ToString(block.Sum(value => value), 8).PadLeft(6, '0') + "\0 ").CopyTo(block, 148);
        _tar.AddRange([.. block, .. content ?? [], .. new byte[-(content?.Length ?? 0) & 511]]);
        return this;
    }

    private TestArchive Add(PaxTarEntry entry, UnixFileMode mode)
    {
        (entry.Mode, entry.ModificationTime) = (mode, Modified);
        using var one = new MemoryStream();
        using (var writer = new TarWriter(one, TarEntryFormat.Pax, leaveOpen: true))
        {
            writer.WriteEntry(entry);
        }

        // Without the end mark, so that entries can follow.
        _tar.AddRange(one.ToArray()[..^1024]);
        return this;
    }

    private static byte[] Record(byte[] key, byte[] value)
    {
        var rest = 1 + key.Length + 1 + value.Length + 1;
        var length = rest + 1;
        while (length != rest + length.ToString(System.Globalization.CultureInfo.InvariantCulture).Length)
        {
            length++;
        }

        return [.. Encoding.ASCII.GetBytes($"{length} "), .. key, (byte)'=', .. value, (byte)'\n'];
    }
}

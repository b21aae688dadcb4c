using System.Buffers.Binary;
using System.Text;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>Reads ustar, pax and GNU tar archives from a stream, front to back.</summary>
/// <remarks>
/// System.Formats.Tar decodes pax values as UTF-8, which damages binary attributes such as security.capability; that is why this is not it.
/// Every member throws <see cref="CommandRefusedException"/> ArchiveDamaged when the bytes are no tar archive.
/// </remarks>
/// <param name="archive">The archive, already decompressed.</param>
internal sealed class TarReader(Stream archive)
{
    private const int BlockBytes = 512;
    private const int ExtensionBytesMax = 1024 * 1024;
    private const long NumberMax = 1L << 60;
    private const string AttributePrefix = "SCHILY.xattr.";

    private readonly byte[] _block = new byte[BlockBytes];
    private readonly Dictionary<string, byte[]> _global = [];
    private long _left;
    private int _padding;

    /// <summary>The next entry; what is left of the content of the one before is passed over. Null at the end mark.</summary>
    public TarEntry? Next()
    {
        var extended = new Dictionary<string, byte[]>(_global);
        while (ReadHeader())
        {
            var (type, size) = ((char)_block[156], Number(124, 12, "size"));
            switch (type)
            {
                case 'x':
                    ReadPax(size, extended);
                    break;
                case 'g':
                    ReadPax(size, _global);
                    extended = new(_global);
                    break;
                case 'L':
                    extended["path"] = ReadExtension(size).AsSpan().TrimEnd((byte)0).ToArray();
                    break;
                case 'K':
                    extended["linkpath"] = ReadExtension(size).AsSpan().TrimEnd((byte)0).ToArray();
                    break;
                default:
                    return Entry(type, size, extended);
            }
        }

        return null;
    }

    /// <summary>Reads content of the entry; 0 at its end.</summary>
    public int Read(Span<byte> buffer)
    {
        if (_left == 0)
        {
            return 0;
        }

        var count = archive.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        if (count == 0)
        {
            throw Damaged("it ends in the middle of a file");
        }

        _left -= count;
        return count;
    }

    private TarEntry Entry(char type, long size, Dictionary<string, byte[]> extended)
    {
        var path = extended.TryGetValue("path", out var longPath) ? Text(longPath) : HeaderPath();
        var kind = type switch
        {
            _ when extended.Keys.Any(key => key.StartsWith("GNU.sparse.", StringComparison.Ordinal)) => TarKind.Other,
            '\0' or '0' or '7' => path.EndsWith('/') ? TarKind.Directory : TarKind.File,
            '1' => TarKind.HardLink,
            '2' => TarKind.SymbolicLink,
            '5' => TarKind.Directory,
            _ => TarKind.Other,
        };
        size = extended.TryGetValue("size", out var longSize) ? Decimal(longSize, "size") : size;
        // Links and directories may state a size without having content; a hard link's content is its target's.
        _left = kind is TarKind.File or TarKind.Other && type is not ('3' or '4' or '6') ? size : 0;
        _padding = (int)(-_left & (BlockBytes - 1));
        return new(
            path, kind, kind == TarKind.Other && type is '0' or '\0' ? 'S' : type, _left,
            (uint)(Number(100, 8, "mode") & 0xFFF),
            Id(extended, "uid", 108), Id(extended, "gid", 116),
            extended.TryGetValue("mtime", out var time) ? Decimal(time.AsSpan(0, Fraction(time)), "mtime") : Number(136, 12, "mtime"),
            kind is TarKind.HardLink or TarKind.SymbolicLink ? extended.TryGetValue("linkpath", out var target) ? Text(target) : Text(Field(157, 100)) : "",
            [.. extended.Where(pair => pair.Key.StartsWith(AttributePrefix, StringComparison.Ordinal))
                .Select(pair => KeyValuePair.Create(pair.Key[AttributePrefix.Length..], pair.Value))
                .Where(attribute => attribute.Key != "security.selinux")]);
    }

    // False at the end mark. A stream that ends without one was cut off.
    private bool ReadHeader()
    {
        Skip(_left + _padding);
        (_left, _padding) = (0, 0);
        Fill(_block, "it ends without its end mark");
        if (!_block.AsSpan().ContainsAnyExcept((byte)0))
        {
            return false;
        }

        var stated = Number(148, 8, "checksum");
        _block.AsSpan(148, 8).Fill((byte)' ');
        return _block.Sum(value => (long)value) == stated ? true : throw Damaged("the checksum of a header is wrong");
    }

    private void ReadPax(long size, Dictionary<string, byte[]> into)
    {
        for (var rest = ReadExtension(size).AsSpan(); !rest.IsEmpty;)
        {
            var (space, length) = (rest.IndexOf((byte)' '), 0L);
            if (space > 0)
            {
                length = Decimal(rest[..space], "pax record");
            }

            if (space <= 0 || length <= space + 1 || length > rest.Length || rest[(int)length - 1] != '\n')
            {
                throw Damaged("a pax record is malformed");
            }

            var record = rest[(space + 1)..((int)length - 1)];
            var equals = record.IndexOf((byte)'=');
            if (equals <= 0)
            {
                throw Damaged("a pax record has no key");
            }

            var key = Text(record[..equals]);
            // An empty value takes back what a global record said.
            if (equals + 1 == record.Length && !key.StartsWith(AttributePrefix, StringComparison.Ordinal))
            {
                into.Remove(key);
            }
            else
            {
                into[key] = record[(equals + 1)..].ToArray();
            }

            rest = rest[(int)length..];
        }
    }

    private byte[] ReadExtension(long size)
    {
        if (size is < 0 or > ExtensionBytesMax)
        {
            throw Damaged($"a header extension has {size} bytes; {ExtensionBytesMax} are allowed");
        }

        var content = new byte[size];
        Fill(content, "it ends in the middle of a header");
        Skip(-size & (BlockBytes - 1));
        return content;
    }

    private string HeaderPath()
    {
        var name = Text(Field(0, 100));
        // GNU's own format has times where ustar has the prefix.
        return _block.AsSpan(257, 6).SequenceEqual("ustar\0"u8) && Text(Field(345, 155)) is { Length: > 0 } prefix ? $"{prefix}/{name}" : name;
    }

    private uint Id(Dictionary<string, byte[]> extended, string key, int offset)
    {
        var id = extended.TryGetValue(key, out var text) ? Decimal(text, key) : Number(offset, 8, key);
        // The highest number means "leave it as it is" to chown(2).
        return id is >= 0 and < uint.MaxValue ? (uint)id : throw Damaged($"a {key} is {id}");
    }

    // Octal digits; or, with the highest bit set, a big-endian number.
    private long Number(int offset, int length, string what)
    {
        var field = _block.AsSpan(offset, length);
        if ((field[0] & 0x80) != 0)
        {
            var wide = BinaryPrimitives.ReadInt64BigEndian(length == 12 ? field[4..] : field) & (length == 8 ? 0x7FFF_FFFF_FFFF_FFFF : -1L);
            return wide is >= 0 and < NumberMax && (length == 8 || !field[1..4].ContainsAnyExcept((byte)0)) ? wide : throw Damaged($"a {what} is out of range");
        }

        var number = 0L;
        foreach (var digit in field.Trim(" \0"u8))
        {
            number = digit is >= (byte)'0' and <= (byte)'7' ? (number << 3) + (digit - '0') : throw Damaged($"a {what} is not a number");
        }

        return number;
    }

    private ReadOnlySpan<byte> Field(int offset, int length)
    {
        var field = _block.AsSpan(offset, length);
        return field.IndexOf((byte)0) is >= 0 and var end ? field[..end] : field;
    }

    private static int Fraction(byte[] time) => Array.IndexOf(time, (byte)'.') is >= 0 and var dot ? dot : time.Length;

    private static long Decimal(ReadOnlySpan<byte> text, string what) =>
        long.TryParse(text, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var number) && number < NumberMax && (number >= 0 || what == "mtime")
            ? number
            : throw Damaged($"a {what} is not a number");

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    private void Skip(long bytes)
    {
        Span<byte> buffer = stackalloc byte[4096];
        while (bytes > 0)
        {
            var count = archive.Read(buffer[..(int)Math.Min(bytes, buffer.Length)]);
            bytes -= count > 0 ? count : throw Damaged("it ends in the middle of a file");
        }
    }

    private void Fill(Span<byte> buffer, string otherwise)
    {
        if (archive.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) < buffer.Length)
        {
            throw Damaged(otherwise);
        }
    }

    private static CommandRefusedException Damaged(string why) =>
        new("ArchiveDamaged", $"The archive is no tar archive that can be read: {why}; make it again and give the fleet its new digest.");
}

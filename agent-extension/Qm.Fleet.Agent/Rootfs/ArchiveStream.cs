using System.IO.Compression;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>
/// The tar inside an archive file: plain, gzip or zstd, told apart by its first bytes. Counts what comes out and refuses to go on when that is
/// more than the archive may unpack to.
/// </summary>
/// <remarks>Reads throw <see cref="CommandRefusedException"/>: ArchiveDamaged, or ArchiveRefused for a bomb.</remarks>
internal sealed class ArchiveStream : Stream
{
    // zstd -19 needs 8 MiB; more than 32 MiB would be a large part of the agent's memory.
    private const int ZstdWindowLogMax = 25;

    private readonly FileStream _file;
    private readonly Stream _tar;
    private readonly Action<long> _progress;
    private readonly long _bytesMax;
    private readonly CancellationToken _cancellationToken;
    private long _bytes;

    /// <param name="file">The archive; read from its start, and disposed with this.</param>
    /// <param name="limits">What it may unpack to.</param>
    /// <param name="progress">Told the bytes of the archive that were read so far.</param>
    /// <param name="cancellationToken">Ends a read.</param>
    public ArchiveStream(FileStream file, RootfsLimits limits, Action<long> progress, CancellationToken cancellationToken)
    {
        (_file, _progress, _cancellationToken) = (file, progress, cancellationToken);
        Span<byte> magic = stackalloc byte[4];
        var known = magic[..file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false)];
        file.Position = 0;
        _tar = known switch
        {
            [0x1f, 0x8b, ..] => new GZipStream(file, CompressionMode.Decompress),
            [0x28, 0xb5, 0x2f, 0xfd] => Zstd(file),
            _ => file,
        };
        _bytesMax = Math.Min(limits.UnpackedBytesMax, Math.Max(limits.RatioFreeBytes, file.Length * limits.RatioMax));
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _bytes;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        _cancellationToken.ThrowIfCancellationRequested();
        try
        {
            var count = _tar.Read(buffer);
            _bytes += count;
            _progress(_file.Position);
            return _bytes <= _bytesMax ? count : throw new CommandRefusedException("ArchiveRefused",
                $"The archive of {_file.Length} bytes unpacks to more than {_bytesMax}, as bombs do; if it is meant to, make it with less compression.");
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ZstdSharp.ZstdException)
        {
            throw new CommandRefusedException("ArchiveDamaged", $"The archive cannot be decompressed: {e.Message.TrimEnd('.')}; make it again and give the fleet its new digest.");
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _tar.Dispose();
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    private static ZstdSharp.DecompressionStream Zstd(FileStream file)
    {
        var stream = new ZstdSharp.DecompressionStream(file, leaveOpen: true);
        stream.SetParameter(ZstdSharp.Unsafe.ZSTD_dParameter.ZSTD_d_windowLogMax, ZstdWindowLogMax);
        return stream;
    }
}

using System.IO.Compression;
using Google.Rpc;
using Grpc.Net.Compression;
using Qm.Fleet.Controller.Api;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>gzip for gRPC that unpacks no more than a message may have: 4 MiB of it would else become 4 GiB of zeros in memory before anybody counts.</summary>
/// <param name="most">Most bytes of an unpacked message.</param>
internal sealed class BoundedGzip(int most) : ICompressionProvider
{
    /// <inheritdoc/>
    public string EncodingName => "gzip";

    /// <inheritdoc/>
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) => new GZipStream(stream, compressionLevel ?? CompressionLevel.Fastest, leaveOpen: true);

    /// <inheritdoc/>
    public Stream CreateDecompressionStream(Stream stream) => new Bounded(new GZipStream(stream, CompressionMode.Decompress), most);

    private sealed class Bounded(GZipStream inner, int most) : Stream
    {
        private int _read;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => _read; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            int count;
            try
            {
                count = inner.Read(buffer);
            }
            catch (InvalidDataException e)
            {
                throw Failures.Invalid("", $"the message does not unpack: {e.Message}");
            }
            _read += count;
            return _read <= most ? count : throw Failures.Make(Code.ResourceExhausted, "TOO_LARGE", $"The unpacked message is larger than {most >> 10} KiB. Ask for less at once.");
        }

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
                inner.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}

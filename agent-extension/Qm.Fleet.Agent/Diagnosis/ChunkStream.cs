namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>A stream that hands what is written to it on in pieces of one size, and waits until each piece was taken.</summary>
/// <param name="bytes">The size of a piece; the last one may be smaller.</param>
/// <param name="send">Takes a piece; writing goes on when it returns.</param>
internal sealed class ChunkStream(int bytes, Func<ReadOnlyMemory<byte>, CancellationToken, Task> send) : Stream
{
    private readonly byte[] _piece = new byte[bytes];
    private int _filled;

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            var count = Math.Min(buffer.Length, _piece.Length - _filled);
            buffer[..count].CopyTo(_piece.AsMemory(_filled));
            (_filled, buffer) = (_filled + count, buffer[count..]);
            if (_filled == _piece.Length)
            {
                await SendAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Sends the piece that is not full yet, if it holds anything.</summary>
    public Task CompleteAsync(CancellationToken cancellationToken) => _filled == 0 ? Task.CompletedTask : SendAsync(cancellationToken);

    /// <summary>Sends nothing: pieces are full or the last.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("A piece is waited for: write asynchronously.");

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        await send(_piece.AsMemory(0, _filled), cancellationToken).ConfigureAwait(false);
        _filled = 0;
    }
}

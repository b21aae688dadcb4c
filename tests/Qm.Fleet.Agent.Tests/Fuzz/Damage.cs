namespace Qm.Fleet.Agent.Tests.Fuzz;

/// <summary>Damages bytes as disks, hands and other programs do; one seed decides everything.</summary>
internal sealed class Damage(int seed)
{
    private static readonly byte[][] Odd =
    [
        [], [0], [0xff, 0xfe], "\r\n"u8.ToArray(), "-1"u8.ToArray(), "18446744073709551616"u8.ToArray(), "99999999999999999999999999"u8.ToArray(), "max"u8.ToArray(), "="u8.ToArray(),
        "["u8.ToArray(), "]"u8.ToArray(), "\\\n"u8.ToArray(), "\""u8.ToArray(), "{"u8.ToArray(), "../../etc/shadow"u8.ToArray(), "%n"u8.ToArray(), "${ROOTFS}"u8.ToArray(), "\u2028é"u8.ToArray(),
    ];

    private readonly Random _random = new(seed);

    internal int Below(int count) => _random.Next(count);

    /// <summary>The bytes, with one to four things done to them.</summary>
    internal byte[] Do(byte[] bytes)
    {
        for (var times = 1 + Below(4); times > 0; times--)
        {
            bytes = Once(bytes);
        }

        return bytes;
    }

    private byte[] Once(byte[] bytes)
    {
        var (from, to) = (Below(bytes.Length + 1), Below(bytes.Length + 1));
        (from, to) = (Math.Min(from, to), Math.Max(from, to));
        switch (Below(7))
        {
            case 0:
                return bytes[..from];
            case 1:
                return [.. bytes[..from], .. bytes[to..]];
            case 2:
                return [.. bytes[..to], .. bytes[from..]];
            case 3:
                return [.. bytes[..from], .. Odd[Below(Odd.Length)], .. bytes[from..]];
            case 4:
                return [.. bytes[..from], .. Odd[Below(Odd.Length)], .. bytes[to..]];
            case 5 when bytes.Length > 0:
                var flipped = bytes.ToArray();
                flipped[Below(flipped.Length)] ^= (byte)(1 << Below(8));
                return flipped;
            default:
                return [.. bytes[..from], .. Enumerable.Repeat(Odd[Below(Odd.Length)], 1 + Below(200)).SelectMany(static odd => odd), .. bytes[from..]];
        }
    }
}

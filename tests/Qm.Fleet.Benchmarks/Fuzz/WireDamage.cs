using System.Buffers.Binary;

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>Damages a message on the wire: bits, lengths, signatures, beginning and end.</summary>
internal static class WireDamage
{
    private const int BodyLength = 4;
    private const int FieldsLength = 12;
    private const int FixedHeader = 16;
    private static readonly uint[] Lengths = [0, 1, 7, 0xffff, 0x0400_0000, 0x0400_0001, 0x0800_0000, 0x0800_0001, 0x7fff_ffff, 0xffff_ffff];

    internal static byte[] Of(byte[] message, Random random)
    {
        var damaged = (byte[])message.Clone();
        switch (random.Next(12))
        {
            case 0:
                break;
            case < 5:
                for (var flips = random.Next(1, 9); flips > 0; flips--)
                {
                    damaged[Anywhere(damaged, random)] ^= (byte)(1 << random.Next(8));
                }

                break;
            case 5:
                BinaryPrimitives.WriteUInt32LittleEndian(damaged.AsSpan(Math.Min(Anywhere(damaged, random) & ~3, damaged.Length - 4)), Lengths[random.Next(Lengths.Length)]);
                break;
            case 6:
                BinaryPrimitives.WriteUInt32LittleEndian(damaged.AsSpan(random.Next(2) == 0 ? BodyLength : FieldsLength), Lengths[random.Next(Lengths.Length)]);
                break;
            case 7:
                // Shorter than it says.
                return damaged[..random.Next(1, damaged.Length)];
            case 8:
                return ShorterBody(damaged, random);
            case 9:
                var from = Anywhere(damaged, random);
                random.NextBytes(damaged.AsSpan(from, Math.Min(random.Next(1, 16), damaged.Length - from)));
                break;
            case 10:
                Retype(damaged, random);
                break;
            default:
                // Byte order, type, flags, version, and what is left of the fixed part.
                damaged[random.Next(FixedHeader)] = (byte)random.Next(256);
                break;
        }

        return damaged;
    }

    // As short as it says, but not as its signature does.
    private static byte[] ShorterBody(byte[] message, Random random)
    {
        var body = BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(BodyLength));
        if (body == 0)
        {
            return message;
        }

        var left = random.Next(body);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(BodyLength), left);
        return message[..(message.Length - body + left)];
    }

    private static void Retype(byte[] message, Random random)
    {
        var types = "a(v){}sybnqiuxtdogh"u8;
        for (var at = FixedHeader; at < message.Length; at++)
        {
            if (types.Contains(message[at]) && random.Next(6) == 0)
            {
                message[at] = types[random.Next(types.Length)];
            }
        }
    }

    private static int Anywhere(byte[] message, Random random) => random.Next(message.Length);
}

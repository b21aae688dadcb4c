using System.Runtime.InteropServices;
using System.Text;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>
/// Makes texts of what sd-bus points to. Names of nodes, units, interfaces and properties come again and again, so short texts are kept and
/// handed out again; one that is not kept any more is made anew. A pool to each thread, of bounded size.
/// </summary>
internal static unsafe class TextPool
{
    private const int Slots = 1024;
    private const int Longest = 64;

    [ThreadStatic]
    private static string?[]? _slots;

    /// <summary>The text at a pointer to UTF-8 that ends with NUL; empty for no pointer.</summary>
    internal static string Get(byte* pointer)
    {
        var utf8 = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(pointer);
        if (utf8.Length is 0 or > Longest)
        {
            return Encoding.UTF8.GetString(utf8);
        }

        ref var slot = ref (_slots ??= new string?[Slots])[Hash(utf8) % Slots];
        return slot is not null && Ascii.Equals(utf8, slot) ? slot : slot = Encoding.UTF8.GetString(utf8);
    }

    private static uint Hash(ReadOnlySpan<byte> utf8)
    {
        var hash = new HashCode();
        hash.AddBytes(utf8);
        return (uint)hash.ToHashCode();
    }
}

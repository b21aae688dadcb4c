using System.Text;

namespace Qm.Fleet.Core;

/// <summary>The order in which C programs sort names: by their bytes in UTF-8.</summary>
internal static class ByteOrder
{
    /// <summary>Compares two names.</summary>
    internal static Comparer<string> Comparer { get; } = Comparer<string>.Create((left, right) =>
        Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right)));
}

using System.Collections.Immutable;
using System.Globalization;

namespace Qm.Fleet.Core.Resources;

/// <summary>A set of CPU indices; equal when it holds the same ones.</summary>
public sealed class CpuSet : IEquatable<CpuSet>
{
    /// <summary>The highest index that is understood; the kernel's CONFIG_NR_CPUS ends here on the largest machines.</summary>
    public const int MaxIndex = 8191;

    private CpuSet(ImmutableSortedSet<int> indices) => Indices = indices;

    /// <summary>The indices, ascending.</summary>
    public ImmutableSortedSet<int> Indices { get; }

    /// <summary>Reads indices and ranges separated by commas or spaces, as <c>AllowedCPUs=</c> and cpuset.cpus write them.</summary>
    public static bool TryParse(string text, out CpuSet set)
    {
        var indices = ImmutableSortedSet.CreateBuilder<int>();
        foreach (var part in text.Split([',', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            var ends = part.Split('-');
            if (ends.Length > 2 || !TryIndex(ends[0], out var first) || !TryIndex(ends[^1], out var last) || last < first)
            {
                set = new([]);
                return false;
            }

            indices.UnionWith(Enumerable.Range(first, last - first + 1));
        }

        set = new(indices.ToImmutable());
        return indices.Count > 0;
    }

    /// <summary>One bit for each CPU, the lowest index in the lowest bit of the first byte, as systemd takes it over D-Bus.</summary>
    public byte[] ToMask()
    {
        var mask = new byte[(Indices.Max / 8) + 1];
        foreach (var index in Indices)
        {
            mask[index / 8] |= (byte)(1 << (index % 8));
        }

        return mask;
    }

    /// <summary>The set that <see cref="ToMask"/> writes so.</summary>
    public static CpuSet FromMask(ReadOnlySpan<byte> mask)
    {
        var indices = ImmutableSortedSet.CreateBuilder<int>();
        for (var index = 0; index < mask.Length * 8; index++)
        {
            if ((mask[index / 8] & (1 << (index % 8))) != 0)
            {
                indices.Add(index);
            }
        }

        return new(indices.ToImmutable());
    }

    /// <inheritdoc/>
    public bool Equals(CpuSet? other) => other is not null && Indices.SetEquals(other.Indices);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CpuSet);

    /// <inheritdoc/>
    public override int GetHashCode() => Indices.Aggregate(17, HashCode.Combine);

    /// <summary>Ranges and indices separated by commas, ascending, such as <c>0,2-3</c>.</summary>
    public override string ToString()
    {
        var parts = new List<string>();
        for (var at = 0; at < Indices.Count;)
        {
            var end = at;
            while (end + 1 < Indices.Count && Indices[end + 1] == Indices[end] + 1)
            {
                end++;
            }

            parts.Add(at == end
                ? Indices[at].ToString(CultureInfo.InvariantCulture)
                : string.Create(CultureInfo.InvariantCulture, $"{Indices[at]}-{Indices[end]}"));
            at = end + 1;
        }

        return string.Join(',', parts);
    }

    private static bool TryIndex(string text, out int index) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out index) && index <= MaxIndex;
}

namespace Qm.Fleet.Lab.Processes;

/// <summary>ecu2 before ecu10: shorter names first, then by letters.</summary>
internal sealed class NaturalOrder : IComparer<string>
{
    public static NaturalOrder Instance { get; } = new();

    public int Compare(string? x, string? y) =>
        (x?.Length ?? 0).CompareTo(y?.Length ?? 0) is var byLength && byLength != 0 ? byLength : string.CompareOrdinal(x, y);
}

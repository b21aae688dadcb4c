namespace Qm.Fleet.Core.Resources;

/// <summary>OOM scores where nobody says otherwise; the order ASIL &lt; 0 &lt;= host &lt; QM &lt; nested never bends.</summary>
public static class OomScore
{
    /// <summary>Processes of the host.</summary>
    public const int Host = 0;

    /// <summary>QM's init and what it starts: OOMScoreAdjust of the vendor's qm.container.</summary>
    public const int QmDefault = 500;

    /// <summary>Containers inside QM: oom_score_adj of QM's containers.conf.</summary>
    public const int NestedDefault = 750;

    /// <summary>The first to be killed.</summary>
    public const int Highest = 1000;

    /// <summary>Never killed.</summary>
    public const int Lowest = -1000;
}

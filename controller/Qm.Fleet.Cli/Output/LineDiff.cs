namespace Qm.Fleet.Cli.Output;

/// <summary>What differs between two texts, line by line.</summary>
internal static class LineDiff
{
    /// <summary>Lines that went with "- ", and those that came with "+ ", in the order of the texts.</summary>
    /// <remarks>By the longest common subsequence; for texts of a person's length, since it takes their product in memory.</remarks>
    internal static IReadOnlyList<string> Of(IReadOnlyList<string> before, IReadOnlyList<string> after)
    {
        var common = new int[before.Count + 1, after.Count + 1];
        for (var i = before.Count - 1; i >= 0; i--)
        {
            for (var j = after.Count - 1; j >= 0; j--)
            {
                common[i, j] = before[i] == after[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }

        var lines = new List<string>();
        for (var (i, j) = (0, 0); i < before.Count || j < after.Count;)
        {
            if (i < before.Count && j < after.Count && before[i] == after[j])
            {
                (i, j) = (i + 1, j + 1);
            }
            else if (j == after.Count || (i < before.Count && common[i + 1, j] >= common[i, j + 1]))
            {
                lines.Add($"- {before[i++]}");
            }
            else
            {
                lines.Add($"+ {after[j++]}");
            }
        }

        return lines;
    }
}

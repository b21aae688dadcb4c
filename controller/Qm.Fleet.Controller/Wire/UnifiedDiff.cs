using DiffPlex.Renderer;

namespace Qm.Fleet.Controller.Wire;

/// <summary>The difference of two texts as people read it.</summary>
internal static class UnifiedDiff
{
    /// <summary>Its lines, the two of its head included.</summary>
    internal static string[] Lines(string before, string after, string from, string to) =>
        UnidiffRenderer.GenerateUnidiff(before.TrimEnd('\n'), after.TrimEnd('\n'), from, to).ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
}

using System.Text.RegularExpressions;

namespace Qm.Fleet.Architecture.Tests;

/// <summary>The checkout these tests were built from.</summary>
internal static partial class Repository
{
    internal static string Root { get; } = Checkout.Root;

    /// <summary>Source files below a folder, generated and built ones left out.</summary>
    internal static IEnumerable<string> Sources(string folder) => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
        .Where(path => !BuiltPath().IsMatch(Path.GetRelativePath(Root, path)));

    /// <summary>Source files of the product.</summary>
    internal static IEnumerable<string> ProductSources => Sources("controller").Concat(Sources("agent-extension"));

    internal static string Relative(string path) => Path.GetRelativePath(Root, path);

    [GeneratedRegex("(^|/)(bin|obj)/")]
    private static partial Regex BuiltPath();
}

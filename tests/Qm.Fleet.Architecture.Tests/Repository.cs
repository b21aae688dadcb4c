using System.Text.RegularExpressions;

namespace Qm.Fleet.Architecture.Tests;

/// <summary>The checkout these tests were built from.</summary>
internal static partial class Repository
{
    internal static string Root { get; } = FindRoot();

    /// <summary>Source files below a folder, generated and built ones left out.</summary>
    internal static IEnumerable<string> Sources(string folder) => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
        .Where(path => !BuiltPath().IsMatch(Path.GetRelativePath(Root, path)));

    /// <summary>Source files of the product.</summary>
    internal static IEnumerable<string> ProductSources => Sources("controller").Concat(Sources("agent-extension"));

    internal static string Relative(string path) => Path.GetRelativePath(Root, path);

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Qm.Fleet.sln")))
            {
                return directory.FullName;
            }
        }

        throw new DirectoryNotFoundException($"Qm.Fleet.sln is not above {AppContext.BaseDirectory}");
    }

    [GeneratedRegex("(^|/)(bin|obj)/")]
    private static partial Regex BuiltPath();
}

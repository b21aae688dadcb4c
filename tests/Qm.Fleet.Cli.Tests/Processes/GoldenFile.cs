using Xunit;

namespace Qm.Fleet.Cli.Tests.Processes;

/// <summary>What a program shows, kept in the repository. <c>UPDATE_GOLDEN=1</c> writes it anew; read it before you commit it.</summary>
internal static class GoldenFile
{
    /// <summary>The repository.</summary>
    internal static string Root { get; } = FindRoot();

    /// <summary>Holds a text against a file of the repository.</summary>
    /// <param name="path">Below the root.</param>
    /// <param name="text">What was shown.</param>
    internal static void Check(string path, string text)
    {
        var file = Path.Combine(Root, path);
        if (System.Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
        }

        Assert.True(File.Exists(file), $"{path} is not there; UPDATE_GOLDEN=1 makes it of: {text}");
        Assert.Equal(File.ReadAllText(file), text);
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Qm.Fleet.sln")))
        {
            directory = directory.Parent ?? throw new InvalidOperationException("the tests do not lie in the repository");
        }

        return directory.FullName;
    }
}

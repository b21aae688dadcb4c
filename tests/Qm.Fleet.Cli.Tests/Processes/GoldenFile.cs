using Xunit;

namespace Qm.Fleet.Cli.Tests.Processes;

/// <summary>What a program shows, kept in the repository. <c>UPDATE_GOLDEN=1</c> writes it anew; read it before you commit it.</summary>
internal static class GoldenFile
{
    /// <summary>Holds a text against a file of the repository.</summary>
    /// <param name="path">Below the root.</param>
    /// <param name="text">What was shown.</param>
    internal static void Check(string path, string text)
    {
        var file = Checkout.Of(path);
        if (System.Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
        }

        Assert.True(File.Exists(file), $"{path} is not there; UPDATE_GOLDEN=1 makes it of: {text}");
        Assert.Equal(File.ReadAllText(file), text);
    }
}

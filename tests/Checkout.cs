namespace Qm.Fleet.Testing;

/// <summary>The checkout that the tests were built from.</summary>
/// <remarks>Looked for from where they run: the path of a source file that the compiler knows is another one in a build that is to be the same everywhere.</remarks>
internal static class Checkout
{
    /// <summary>The folder of Qm.Fleet.sln.</summary>
    internal static string Root { get; } = Find();

    /// <summary>A file or folder of the checkout.</summary>
    /// <param name="relative">Below <see cref="Root"/>.</param>
    internal static string Of(string relative) => Path.Combine(Root, relative);

    private static string Find()
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
}

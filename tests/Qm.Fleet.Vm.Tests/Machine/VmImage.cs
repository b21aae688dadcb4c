using System.Security.Cryptography;
using System.Text;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests.Machine;

/// <summary>The machine's disk, kernel and initial RAM disk: built once from Debian's packages, then kept.</summary>
/// <param name="Folder">Holds <c>disk.img</c>, <c>vmlinuz</c> and <c>initrd</c>; never changed once it is there.</param>
internal sealed record VmImage(string Folder)
{
    /// <summary>Names the folder in which images are kept; without it they are kept below the user's cache folder.</summary>
    internal const string CacheVariable = "QMFLEET_VM_CACHE";

    private const string Mirror = "QMFLEET_VM_MIRROR";
    private static readonly TimeSpan BuildDeadline = TimeSpan.FromMinutes(30);

    /// <summary>Where images are kept.</summary>
    internal static string Cache =>
        Environment.GetEnvironmentVariable(CacheVariable) is { Length: > 0 } named ? named
        : Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "qm-fleet-vm");

    private static string Scripts => Path.Combine(AppContext.BaseDirectory, "Image");

    /// <summary>The image of this very source; built when there is none yet, which takes minutes and a network.</summary>
    internal static async Task<VmImage> GetAsync()
    {
        var folder = Path.Combine(Cache, Key());
        if (File.Exists(Path.Combine(folder, "disk.img")))
        {
            return new(folder);
        }

        Directory.CreateDirectory(folder);
        var vendor = Directory.CreateTempSubdirectory("qm-fleet-vm-vendor-").FullName;
        try
        {
            foreach (var (path, content) in QmPackage.FilesOf(GuestNode.Name))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(vendor, path))!);
                await File.WriteAllTextAsync(Path.Combine(vendor, path), content);
            }

            string[] mirror = Environment.GetEnvironmentVariable(Mirror) is { Length: > 0 } named ? [named] : [];
            await Programs.RunAsync(BuildDeadline, Path.Combine(Scripts, "build-image"), [vendor, folder, .. mirror]);
        }
        finally
        {
            Directory.Delete(vendor, recursive: true);
        }

        return new(folder);
    }

    private static string Key()
    {
        var parts = Directory.EnumerateFiles(Scripts, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => (Path.GetRelativePath(Scripts, path), File.ReadAllText(path)))
            .Concat(QmPackage.FilesOf(GuestNode.Name));
        var all = new StringBuilder();
        foreach (var (path, content) in parts)
        {
            all.Append(path).Append('\0').Append(content).Append('\0');
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all.ToString())))[..16];
    }
}

using System.Security.Cryptography;
using System.Text;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>The image of a node: a small Debian with systemd; nothing of BlueChi.</summary>
/// <remarks>
/// Made once by debootstrap and imported, so that no registry is needed. The tree stays as an archive in <c>QMFLEET_CACHE</c>
/// (<c>~/.cache/qm-fleet</c> by default) and the image in Docker; both are named by what went into them.
/// </remarks>
internal sealed class BaseImage
{
    private const string Suite = "trixie";
    private const string Mirror = "http://deb.debian.org/debian";
    private const string Repository = "qm-fleet-conformance";

    // What only fills the image: package lists and archives, manuals, and devices, which Docker makes itself.
    private static readonly string[] Excluded =
        ["./dev/*", "./proc/*", "./var/cache/apt/*", "./var/lib/apt/lists/*", "./usr/share/doc/*", "./usr/share/locale/*"];

    private static readonly SemaphoreSlim Making = new(1);

    private readonly string _packages;
    private readonly string _tag;

    private BaseImage(string packages) => (_packages, _tag) = (
        packages, $"{Suite}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Mirror} {packages} {string.Join(' ', Excluded)}")))[..12]}");

    /// <summary>With D-Bus and nftables.</summary>
    internal static BaseImage Plain { get; } = new("systemd,systemd-sysv,dbus,nftables");

    /// <summary>With D-Bus, and Podman for its quadlet generator.</summary>
    internal static BaseImage WithPodman { get; } = new("systemd,systemd-sysv,dbus,podman");

    private string Name => $"{Repository}:{_tag}";

    /// <summary>Where what takes long to make is kept.</summary>
    internal static string Cache => Environment.GetEnvironmentVariable("QMFLEET_CACHE") is { Length: > 0 } cache
        ? cache
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache/qm-fleet");

    private string Archive => Path.Combine(Cache, $"{_tag}.tar");

    /// <summary>Whether the image is there or can be made.</summary>
    /// <returns>What is missing; null when nothing is.</returns>
    internal async Task<string?> FindObstacleAsync(CancellationToken ct)
    {
        using var docker = DockerHost.Connect();
        return await IsThereAsync(docker, ct) || File.Exists(Archive) || HostCommand.Exists("debootstrap")
            ? null
            : $"debootstrap is not installed, and neither the image {Name} nor its archive {Archive} is there";
    }

    /// <summary>Makes the image when it is not there: seconds from the archive, a minute or two from the mirror.</summary>
    /// <returns>Its name.</returns>
    internal async Task<string> EnsureAsync(CancellationToken ct)
    {
        await Making.WaitAsync(ct);
        try
        {
            using var docker = DockerHost.Connect();
            if (!await IsThereAsync(docker, ct))
            {
                if (!File.Exists(Archive))
                {
                    await MakeArchiveAsync(ct);
                }

                await using var archive = File.OpenRead(Archive);
                var import = new ImagesCreateParameters { FromSrc = "-", Repo = Repository, Tag = _tag };
                await docker.Images.CreateImageAsync(import, archive, null, new Progress<JSONMessage>(), ct);
            }

            return Name;
        }
        finally
        {
            Making.Release();
        }
    }

    private async Task<bool> IsThereAsync(DockerClient docker, CancellationToken ct)
    {
        try
        {
            await docker.Images.InspectImageAsync(Name, ct);
            return true;
        }
        catch (DockerImageNotFoundException)
        {
            return false;
        }
    }

    // Under names of this process until it is whole: another run may be making the same.
    private async Task MakeArchiveAsync(CancellationToken ct)
    {
        Directory.CreateDirectory(Cache);
        var tree = $"{Archive}.{Environment.ProcessId}.tree";
        var unfinished = $"{Archive}.{Environment.ProcessId}";
        try
        {
            await HostCommand.RunAsync("debootstrap", ["--variant=minbase", $"--include={_packages}", Suite, tree, Mirror], ct);
            await HostCommand.RunAsync("tar", ["-C", tree, "--numeric-owner", .. Excluded.Select(path => $"--exclude={path}"), "-cf", unfinished, "."], ct);
            File.Move(unfinished, Archive, overwrite: true);
        }
        finally
        {
            File.Delete(unfinished);
            // debootstrap may have left file systems mounted there when it was ended.
            await HostCommand.RunAsync("rm", ["-rf", "--one-file-system", tree], CancellationToken.None);
        }
    }
}

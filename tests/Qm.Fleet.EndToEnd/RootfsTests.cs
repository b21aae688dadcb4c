using System.Formats.Tar;
using System.Security.Cryptography;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

public sealed class RootfsTests
{
    private const string Preinstalled = "rootfs: {preinstalled: {}}";

    [Fact]
    [Trait("Requirement", "QMF-E2E-006")]
    public async Task Apply_RootfsArchives_SwitchesTheSlotAndSwitchesBack()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var (one, two) = (await PutAsync(lab, "one"), await PutAsync(lab, "two"));

        await SwitchAsync(lab, Archive("one", one));
        AssertRunsFrom(await SettledAsync(lab), one);
        Assert.All(lab.Lab.Nodes, node => Assert.Equal(1u, lab.Calls(node.Name, "RestartUnit")));

        await SwitchAsync(lab, Archive("two", two));
        AssertRunsFrom(await SettledAsync(lab), two);

        // The way back needs no archive: the slot before is kept.
        foreach (var node in lab.Lab.Nodes)
        {
            Directory.Delete(Path.Combine(node.Root, "srv"), recursive: true);
        }

        await SwitchAsync(lab, Archive("one", one));
        var back = await SettledAsync(lab);
        AssertRunsFrom(back, one);
        Assert.All(back, node => Assert.Equal(new[] { one, two }.Order(StringComparer.Ordinal), node.Status.Report.RootfsSlots));
        Assert.Contains($"slots {new[] { one, two }.Min(StringComparer.Ordinal)![..12]}", await lab.RunAsync("describe", "node", "ecu1"), StringComparison.Ordinal);

        await SwitchAsync(lab, Preinstalled);
        Assert.All(await SettledAsync(lab), node => Assert.Equal("/usr/lib/qm/rootfs", node.Status.Report.Rootfs));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Apply_WrongDigest_FailsWithTheReasonAndLeavesQmAlone()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        await PutAsync(lab, "one");

        await SwitchAsync(lab, Archive("one", new('a', 64)));
        await lab.StepAsync("ecu1", "Failed");

        Assert.Contains("DigestMismatch", await lab.RunAsync("describe", "node", "ecu1"), StringComparison.Ordinal);
        Assert.Equal(0u, lab.Calls("ecu1", "RestartUnit"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(lab.Lab.Nodes[0].Root + RootfsSlot.Directory));
    }

    [Fact]
    [Trait("Requirement", "QMF-E2E-007")]
    [Trait("Requirement", "QMF-ARTIFACT-003")]
    public async Task Apply_ArchiveOfTheController_NodesFetchAndRunIt()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var unknown = await lab.Lab.RunCliAsync(["apply", "-f", await ManifestAsync(lab, $"rootfs: {{archive: {{sha256: {new string('a', 64)}}}}}"), "--no-wait"], FleetLab.Ct);
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("qmfleet artifact push", unknown.Output, StringComparison.Ordinal);

        var (sha256, line) = await PushAsync(lab, await MakeAsync(lab, "one"));
        await SwitchAsync(lab, line);
        AssertRunsFrom(await SettledAsync(lab), sha256);

        var revision = (await lab.CockpitAsync()).Status.Revision;
        Assert.Contains($"cockpit/{revision}", await lab.RunAsync("artifact", "list"), StringComparison.Ordinal);
        var refused = await lab.Lab.RunCliAsync(["artifact", "delete", sha256], FleetLab.Ct);
        Assert.Equal(4, refused.ExitCode);
        Assert.Contains($"cockpit/{revision}", refused.Output, StringComparison.Ordinal);
        Assert.Single(await lab.EventsAsync(), item => item.Reason == "ArtifactPushed" && item.Message.Contains(sha256, StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Requirement", "QMF-E2E-007")]
    [Trait("Requirement", "QMF-E2E-004")]
    public async Task Controller_KilledWhileANodeFetches_TheNodeGoesOnWhereItWas()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var archive = await MakeAsync(lab, "large", ballast: 160 << 20);
        var (sha256, line) = await PushAsync(lab, archive);
        var part = new FileInfo(lab.Lab.Nodes[0].Root + RootfsSlot.PathOf(sha256) + ".part");

        await SwitchAsync(lab, line);
        await UntilAsync(() => Length(part) > 4 << 20);
        await lab.Lab.Controller.KillAsync();
        var cutOffAt = Length(part);
        Assert.InRange(cutOffAt, 4 << 20, archive.Length - 1);
        await lab.Lab.StartControllerAsync(FleetLab.Ct);

        var wentOnAt = cutOffAt;
        await UntilAsync(() => (wentOnAt = Length(part)) != cutOffAt);
        Assert.True(wentOnAt > cutOffAt, $"it began anew after {cutOffAt} bytes");
        AssertRunsFrom(await SettledAsync(lab), sha256);
        Assert.Equal(1u, lab.Calls("ecu1", "RestartUnit"));
    }

    // 0 before it has begun, and again after the archive was unpacked.
    private static long Length(FileInfo part)
    {
        part.Refresh();
        return part.Exists ? part.Length : 0;
    }

    private static async Task UntilAsync(Func<bool> done)
    {
        while (!done())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, FleetLab.Ct);
        }
    }

    private static async Task<(string Sha256, string Line)> PushAsync(FleetLab lab, byte[] archive)
    {
        var path = Path.Combine(lab.Lab.Directory.Root, "qm.tar");
        await File.WriteAllBytesAsync(path, archive, FleetLab.Ct);
        var output = (await lab.RunAsync("artifact", "push", path)).Split('\n');
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(archive)), output[0]);
        return (output[0], output[1]);
    }

    private static async Task<string> ManifestAsync(FleetLab lab, string rootfs)
    {
        var path = Path.Combine(lab.Lab.Directory.Root, "other.yaml");
        var text = await File.ReadAllTextAsync(Path.Combine(FleetLab.Examples, "cockpit.yaml"), FleetLab.Ct);
        await File.WriteAllTextAsync(path, text.Replace(Preinstalled, rootfs, StringComparison.Ordinal), FleetLab.Ct);
        return path;
    }

    private static string Archive(string name, string sha256) => $"rootfs: {{archive: {{url: \"file:///srv/{name}.tar\", sha256: {sha256}}}}}";

    private static Task<string> SwitchAsync(FleetLab lab, string rootfs) => lab.ApplyAsync("cockpit.yaml", (Preinstalled, rootfs));

    private static async Task<IReadOnlyCollection<Node>> SettledAsync(FleetLab lab) =>
        [.. (await lab.ConvergedAsync((await lab.CockpitAsync()).Status.Revision)).Values];

    private static void AssertRunsFrom(IReadOnlyCollection<Node> nodes, string sha256) => Assert.All(nodes, node =>
    {
        Assert.Equal(RootfsSlot.PathOf(sha256), node.Status.Report.Rootfs);
        Assert.Equal(Check.Types.Result.Pass, node.Status.Checks.Single(check => check.Name == "ROOTFS").Result);
    });

    // On every node.
    private static async Task<string> PutAsync(FleetLab lab, string release)
    {
        var archive = await MakeAsync(lab, release);
        foreach (var node in lab.Lab.Nodes)
        {
            Directory.CreateDirectory(Path.Combine(node.Root, "srv"));
            await File.WriteAllBytesAsync(Path.Combine(node.Root, "srv", release + ".tar"), archive, FleetLab.Ct);
        }

        return Convert.ToHexStringLower(SHA256.HashData(archive));
    }

    // The vendor's rootfs of the first node with another release name, and as many bytes of no use as asked for.
    private static async Task<byte[]> MakeAsync(FleetLab lab, string release, int ballast = 0)
    {
        using var archive = new MemoryStream();
        await TarFile.CreateFromDirectoryAsync(Path.Combine(lab.Lab.Nodes[0].Root, "usr/lib/qm/rootfs"), archive, includeBaseDirectory: false, FleetLab.Ct);
        archive.Position = 0;
        using var file = new MemoryStream();
        await using (var reader = new TarReader(archive))
        await using (var writer = new TarWriter(file, leaveOpen: true))
        {
            while (await reader.GetNextEntryAsync(copyData: true, FleetLab.Ct) is { } entry)
            {
                await writer.WriteEntryAsync(entry, FleetLab.Ct);
            }

            await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, "usr/lib/ballast") { DataStream = new MemoryStream(new byte[ballast]) }, FleetLab.Ct);
            await writer.WriteEntryAsync(
                new PaxTarEntry(TarEntryType.RegularFile, "usr/lib/release") { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(release)) }, FleetLab.Ct);
        }

        return file.ToArray();
    }
}

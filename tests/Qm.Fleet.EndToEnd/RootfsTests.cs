using System.Formats.Tar;
using System.Security.Cryptography;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

[Collection(nameof(FleetLab))]
public sealed class RootfsTests
{
    private const string Preinstalled = "rootfs: {preinstalled: {}}";

    [Fact]
    [Trait("Requirement", "QMF-E2E-006")]
    public async Task Apply_RootfsArchives_SwitchesTheSlotAndSwitchesBack()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.ConvergedAsync();
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
        await lab.ConvergedAsync();
        await PutAsync(lab, "one");

        await SwitchAsync(lab, Archive("one", new('a', 64)));
        await lab.StepAsync("ecu1", "Failed");

        Assert.Contains("DigestMismatch", await lab.RunAsync("describe", "node", "ecu1"), StringComparison.Ordinal);
        Assert.Equal(0u, lab.Calls("ecu1", "RestartUnit"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(lab.Lab.Nodes[0].Root + RootfsSlot.Directory));
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

    // The vendor's rootfs of the first node with another release name, on every node.
    private static async Task<string> PutAsync(FleetLab lab, string release)
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

            await writer.WriteEntryAsync(
                new PaxTarEntry(TarEntryType.RegularFile, "usr/lib/release") { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(release)) }, FleetLab.Ct);
        }

        foreach (var node in lab.Lab.Nodes)
        {
            Directory.CreateDirectory(Path.Combine(node.Root, "srv"));
            await File.WriteAllBytesAsync(Path.Combine(node.Root, "srv", release + ".tar"), file.ToArray(), FleetLab.Ct);
        }

        return Convert.ToHexStringLower(SHA256.HashData(file.ToArray()));
    }
}

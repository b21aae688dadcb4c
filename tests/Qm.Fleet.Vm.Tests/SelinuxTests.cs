using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>Labels as a real kernel keeps them and a real policy wants them; that of QM is a stand-in with types of the same names.</summary>
[Collection(OnTheSelinuxGuest.Name)]
public sealed class SelinuxTests(SelinuxGuestNode node)
{
    private const string Archive = "/srv/rootfs.tar.zst";
    private const string Image = "/usr/lib/qm/rootfs";
    private const string NestedConf = "/etc/qm/containers/containers.conf.d/50-qm-fleet.conf";
    private const string ByHand = "/etc/containers/systemd/qm.container.d/99-by-hand.conf";
    private const string QmLabel = "system_u:system_r:qm_t:s0";
    private const string NestedLabel = "system_u:system_r:qm_container_t:s0";
    private const string FileLabel = "system_u:object_r:qm_file_t:s0";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-010")]
    public async Task Slot_OfAnArchive_IsLabelledAsTheRootfsOfTheImageAndQmRunsFromItUnderItsType()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var digest = (await node.Shell.RunAsync($"sha256sum {Archive}", Ct)).Split(' ')[0];
        var slot = RootfsSlot.PathOf(digest);

        await node.ReadyAsync(new EnvironmentManifest { RootfsArchive = new($"file://{Archive}", digest) }.Checked());
        Assert.Equal(slot, await node.QmRootAsync());
        Assert.Equal(QmLabel, await LabelOfAsync(await node.QmInitAsync()));
        // Of thousands of files one is not as the rest.
        Assert.Equal(
            "usr/libexec/bluechi-agent system_u:object_r:qm_bluechi_agent_exec_t:s0",
            await node.Shell.RunAsync($"find {slot} ! -context {FileLabel} -printf '%P %Z\\n'", Ct));
        Assert.Equal("", await node.Shell.RunAsync(
            $"cd {Image} && find . -printf '%P\\t%Z\\n' | LC_ALL=C sort >/run/image && cd {slot} && find . -printf '%P\\t%Z\\n' | LC_ALL=C sort >/run/slot && "
            + "LC_ALL=C join -t \"$(printf '\\t')\" /run/image /run/slot | awk -F '\\t' '$2 != $3 { print } END { if (NR < 1000) print NR \" files of both\" }'", Ct));
        // The rule holds for everybody who labels: nothing is found to be otherwise.
        Assert.Equal("", await node.Shell.RunAsync($"restorecon -R -n -v {slot}", Ct));

        var back = await node.ReadyAsync(Environments.Plain.Checked());
        Assert.Contains(digest, back.Evidence.Rootfs.Slots);
        Assert.Equal($"{slot} {Image}", await node.Shell.RunAsync("cat /etc/selinux/default/contexts/files/file_contexts.subs", Ct));
    }

    [Fact, Trait("Requirement", "QMF-VM-010")]
    public async Task OwnedFiles_InDirectoriesWithAWrongLabel_GetTheLabelsOfTheirPlaces()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        // A new file has the label of its directory.
        const string Directories = "/etc/qm/containers/containers.conf.d /etc/containers/systemd/qm.container.d";
        await node.Shell.RunAsync($"mkdir -p {Directories} && chcon -t etc_t {Directories}", Ct);

        var journey = await node.ReadyAsync((Environments.Plain with { OomNested = 810, Resources = new Dictionary<string, string> { ["MemoryHigh"] = "1G" } }).Checked());
        var paths = (await node.Fleet.InspectAsync(Ct)).Files.Select(file => file.Path).ToArray();
        Assert.Contains(NestedConf, paths);
        Assert.Contains("/etc/containers/systemd/qm.container.d/50-qm-fleet.conf", paths);
        Assert.Equal("", await node.Shell.RunAsync($"restorecon -n -v {string.Join(' ', paths)}", Ct));
        Assert.Equal(FileLabel, await node.Shell.RunAsync($"find {NestedConf} -printf %Z", Ct));
        Assert.Contains(journey.Acts, act => act is NodeStep.Commit);

        await node.Shell.RunAsync($"restorecon {Directories}", Ct);
        await node.ReadyAsync(Environments.Plain.Checked());
    }

    [Fact, Trait("Requirement", "QMF-VM-010")]
    public async Task Labels_OfQmAndItsContainers_AreToldAsTheKernelHasThemAndAWrongOneIsFound()
    {
        GuestNode.Need();
        var environment = (Environments.Plain with { Workloads = [Environments.Radio(null)] }).Checked();
        await node.ReadyAsync(Environments.Plain.Checked());
        await node.InsideAsync("podman image exists localhost/radio:1 || podman import --quiet /var/radio.tar localhost/radio:1");
        await node.ReadyAsync(environment);

        var report = await node.Fleet.InspectAsync(Ct);
        Assert.Equal(Facts.Types.Selinux.Permissive, report.Facts.Selinux);
        Assert.Equal(("qm_t", QmLabel, NestedLabel), (report.Labels.ConfiguredType, report.Labels.Qm, report.Labels.ConfiguredNested));
        Assert.Equal(QmLabel, await LabelOfAsync(await node.QmInitAsync()));
        var radio = Assert.Single(report.Labels.Nested);
        Assert.Equal("radio.service", radio.Unit);
        // Podman gives each container categories of its own besides.
        Assert.StartsWith(NestedLabel + ":c", radio.Label, StringComparison.Ordinal);
        Assert.Equal(radio.Label, await LabelOfAsync($"{radio.Pid}"));
        Assert.Equal(["SecurityLabelType.qm Pass", "SecurityLabelType.radio Pass"], Judged(environment, report));

        // A quadlet of which QM was not started yet: it runs with another label than it shall.
        await node.Shell.RunAsync($"printf '[Container]\\nSecurityLabelType=qm_container_t\\n' >{ByHand}", Ct);
        Assert.Equal(["SecurityLabelType.qm Fail", "SecurityLabelType.radio Pass"], Judged(environment, await node.Fleet.InspectAsync(Ct)));
        await node.Shell.RunAsync($"rm {ByHand}", Ct);

        await node.ReadyAsync(Environments.Plain.Checked());
    }

    [Fact, Trait("Requirement", "QMF-LABEL-003")]
    public async Task OwnedFile_RelabelledByHand_IsToldUnaskedAndHasItsOwnLabelAgain()
    {
        GuestNode.Need();
        var desired = (Environments.Plain with { OomNested = 820 }).Checked();
        await node.ReadyAsync(desired);

        var told = node.ReportAsync(report => report.Labels is { Mislabelled.Count: > 0 }, Ct);
        await node.Shell.RunAsync($"chcon -t etc_t {NestedConf}", Ct);
        var report = await told;
        var file = Assert.Single(report.Labels.Mislabelled);
        Assert.Equal((NestedConf, FileLabel, "system_u:object_r:etc_t:s0"), (file.Path, file.Wanted, file.Found));
        Assert.Equal(["SecurityLabelType.qm Pass", $"SecurityLabel.{NestedConf} Fail"], Judged(desired, report));
        Assert.Equal(FileLabel, await node.Shell.RunAsync($"find {NestedConf} -printf %Z", Ct));
        await node.ReadyAsync(Environments.Plain.Checked());
    }

    private static IEnumerable<string> Judged(FleetEnvironment environment, NodeReport report) =>
        NodeChecks.Evaluate(RevisionRenderer.Render("any", environment, GuestNode.Name), EvidenceMapper.ToEvidence(report))
            .Where(check => check.Name.StartsWith("SecurityLabel", StringComparison.Ordinal)).Select(check => $"{check.Name} {check.Result}");

    private async Task<string> LabelOfAsync(string pid) => (await node.Shell.RunAsync($"cat /proc/{pid}/attr/current", Ct)).TrimEnd('\0');
}

using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Labels;
using Qm.Fleet.Core.Units;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>The SELinux labels QM and its containers run with, against the ones that the quadlet in force and QM's Podman give them.</summary>
internal static class LabelEvidence
{
    // What Podman inside QM reads; see container_contexts(5).
    private const string Contexts = "/usr/share/containers/selinux/contexts";

    /// <summary>Reads them; a label that cannot be read is empty, and that is noted.</summary>
    /// <param name="root">The node.</param>
    /// <param name="quadlet">The quadlet in force.</param>
    /// <param name="rootfs">QM's root file system on the host; null when unknown.</param>
    /// <param name="oom">The processes of QM.</param>
    /// <param name="mislabelled">Owned files that were found with another label than their own.</param>
    /// <param name="findings">Where to read.</param>
    public static SecurityLabels Read(
        NodeRoot root, MergedUnit quadlet, string? rootfs, OomFindings oom, IReadOnlyList<MislabelledFile> mislabelled, Findings findings)
    {
        var labels = new SecurityLabels
        {
            ConfiguredType = quadlet.Last("Container", "SecurityLabelType")?.Value ?? "",
            Qm = Label(findings, oom.QmInitPid),
            ConfiguredNested = rootfs is null ? "" : ContainerLabel(root, rootfs, findings),
        };
        labels.Nested.AddRange(oom.Nested.DistinctBy(container => container.Unit)
            .Select(container => new ProcessLabel { Unit = container.Unit, Pid = container.Pid, Label = Label(findings, container.Pid) }));
        labels.Mislabelled.AddRange(mislabelled.Select(file => new FileLabel { Path = file.Path, Wanted = file.Wanted, Found = file.Found }));
        return labels;
    }

    private static string Label(Findings findings, int pid)
    {
        var path = $"/proc/{pid}/attr/current";
        if (findings.Text(path)?.TrimEnd('\0', '\n') is { Length: > 0 } label)
        {
            return label;
        }

        findings.Add($"{path} cannot be read, so the SELinux label of that process is unknown.");
        return "";
    }

    private static string ContainerLabel(NodeRoot root, string rootfs, Findings findings)
    {
        try
        {
            using var qm = root.Within(rootfs);
            return (new Findings(qm).Text(Contexts) ?? "").Split('\n').Select(line => line.Split('=', 2))
                .FirstOrDefault(pair => pair.Length == 2 && pair[0].Trim() == "process")?[1].Trim().Trim('"') ?? "";
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}, so the SELinux label of containers inside QM is unknown.");
            return "";
        }
    }
}

using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.BlueChiConf;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>What the BlueChi agents of the node start with: their files merged as BlueChi merges them.</summary>
internal static class AgentConfEvidence
{
    /// <summary>The name the host's agent registers; empty when it would not start or its files cannot be read.</summary>
    public static string HostNodeName(NodeRoot root, Findings findings)
    {
        try
        {
            return ReadHost(root, findings).NodeName(findings.Text("/proc/sys/kernel/hostname") ?? "") ?? "";
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}, so the name of the host's BlueChi agent is unknown.");
            return "";
        }
    }

    /// <summary>The name QM's agent registers; empty when no file sets it, it would not start, or its files cannot be read.</summary>
    /// <param name="root">The node.</param>
    /// <param name="paths">Where QM lives.</param>
    /// <param name="findings">Told what is wrong.</param>
    public static string QmNodeName(NodeRoot root, QmPaths paths, Findings findings)
    {
        try
        {
            return ReadQm(root, paths, findings).NodeName("") ?? "";
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            return "";
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}, so the name of QM's BlueChi agent is unknown.");
            return "";
        }
    }

    /// <summary>What the host's agent starts with.</summary>
    /// <exception cref="NodeFileException">A file or directory cannot be read.</exception>
    public static AgentConf ReadHost(NodeRoot root, Findings findings)
    {
        using var etc = root.Within("/etc");
        return Read(root, "", etc, "/etc", findings);
    }

    /// <summary>What QM's agent starts with; its files are read below QM's own directories.</summary>
    /// <exception cref="NodeFileException">A file or directory cannot be read, or there is none.</exception>
    public static AgentConf ReadQm(NodeRoot root, QmPaths paths, Findings findings)
    {
        using var vendor = root.Within(paths.Rootfs);
        using var etc = root.Within(paths.Etc);
        return Read(vendor, paths.Rootfs, etc, paths.Etc, findings);
    }

    private static AgentConf Read(NodeRoot vendor, string vendorPath, NodeRoot etc, string etcPath, Findings findings)
    {
        var conf = AgentConf.Merge(
            ConfFiles.Read(vendor, vendorPath, AgentConf.VendorPath), ConfFiles.Read(etc, etcPath, AgentConf.MainPath), ConfFiles.DropIns(etc, etcPath, AgentConf.DropInDirectory));
        foreach (var problem in conf.Settings.FatalBecause is { } fatal ? conf.Settings.Ignored.Add(fatal) : conf.Settings.Ignored)
        {
            findings.Add($"{problem}.");
        }

        return conf;
    }
}

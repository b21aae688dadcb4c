using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>How the cgroup of qm.service is marked for systemd-oomd, which reads extended attributes of it and not what systemd means to set.</summary>
internal static class OomdMark
{
    /// <summary><c>none</c>, <c>avoid</c> or <c>omit</c>; empty when QM does not run or it cannot be read, which is noted.</summary>
    public static string Read(NodeRoot root, Findings findings)
    {
        try
        {
            using var cgroup = root.OpenDirectory(QmCgroups.Service);
            // omit wins where both are set.
            return IsSet("user.oomd_omit") ? "omit" : IsSet("user.oomd_avoid") ? "avoid" : "none";

            bool IsSet(string name) => TreeCalls.TryAttribute(cgroup.Handle, name, cgroup.Path) is [(byte)'1'];
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            return "";
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}.");
            return "";
        }
    }
}

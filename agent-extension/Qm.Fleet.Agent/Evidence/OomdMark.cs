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
            var marks = TreeCalls.Attributes(cgroup.Handle, cgroup.Path).Where(mark => mark.Value is [(byte)'1']).Select(mark => mark.Key).ToArray();
            // omit wins where both are set.
            return marks.Contains("user.oomd_omit") ? "omit" : marks.Contains("user.oomd_avoid") ? "avoid" : "none";
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

namespace Qm.Fleet.Core.Revisions;

/// <summary>The names BlueChi knows QM by.</summary>
public static class QmNode
{
    /// <summary>The unit on the host that is QM.</summary>
    public const string Unit = "qm.service";

    /// <summary>The unit of the BlueChi agent, on the host and inside QM.</summary>
    public const string AgentUnit = "bluechi-agent.service";

    private const string Prefix = "qm.";

    /// <summary>BlueChi's name of the QM of a host: <c>qm.</c> and the host's name.</summary>
    public static string NameFor(string host) => Prefix + host;

    /// <summary>The host a BlueChi node name belongs to, and whether the name means its QM.</summary>
    public static string HostOf(string bluechiNode, out bool isQm)
    {
        isQm = bluechiNode.StartsWith(Prefix, StringComparison.Ordinal) && bluechiNode.Length > Prefix.Length;
        return isQm ? bluechiNode[Prefix.Length..] : bluechiNode;
    }
}

using Qm.Fleet.Agent.Evidence;
using Selinux = Qm.Fleet.V1.Facts.Types.Selinux;

namespace Qm.Fleet.Agent.Facts;

/// <summary>What SELinux does on a node.</summary>
internal static class SelinuxMode
{
    /// <summary>Reads it; unspecified when the kernel's files cannot be read.</summary>
    public static Selinux Read(Findings findings) => findings.Text("/sys/fs/selinux/enforce") switch
    {
        "1" => Selinux.Enforcing,
        "0" => Selinux.Permissive,
        null when findings.Names("/sys/fs").Count > 0 && findings.Names("/sys/fs/selinux").Count == 0 => Selinux.Disabled,
        _ => Selinux.Unspecified,
    };
}

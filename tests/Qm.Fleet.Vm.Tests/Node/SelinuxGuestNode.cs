namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>
/// The same ECU from the same disk with SELinux in its kernel, permissive: Debian's policy does not let Podman run enforced, and what a stand-in for QM's policy
/// allows would prove nothing. Labels are given, inherited and told in either mode.
/// </summary>
public sealed class SelinuxGuestNode() : GuestNode("security=selinux enforcing=0", Prepare)
{
    // What a package's installation labels, and QM as its vendor's quadlet has it: with labels inside, too.
    private const string Prepare =
        """
        set -e
        restorecon -R /usr/bin/qm-fleet-agent /usr/lib/systemd/system/qm-fleet-agent.service /etc/qm-fleet
        rm /etc/containers/systemd/qm.container.d/10-no-selinux.conf
        systemctl daemon-reload
        systemctl restart qm.service
        """;
}

/// <summary>The tests of the node with SELinux.</summary>
[CollectionDefinition(Name)]
public sealed class OnTheSelinuxGuest : ICollectionFixture<SelinuxGuestNode>
{
    internal const string Name = "Virtual machine with SELinux";
}

using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>The table of faults itself.</summary>
[Trait("Requirement", "QMF-E2E-020")]
public sealed class DocumentedFaultTests
{
    // SupervisionFaultTests plays all of them but that of the whole fleet, which SupervisionTests does.
    [Fact]
    public void Document_EveryLine_IsPlayedByATest() => Assert.Equal(
        [
            "QM crashes once", "QM crashes again and again", "A workload crashes again and again", "A container of QM is out of memory", "QM is out of memory", "The ECU is out of memory",
            "The agent extension dies", "The BlueChi agent is frozen", "The cable is cut", "QM is dead, and does not start", "bluechi-controller is restarted", "The whole fleet fails at once",
            "A link flaps", "The disk of QM's /var is full", "The OOM order is turned round by hand",
        ],
        DocumentedFault.All.Select(fault => fault.Name));
}

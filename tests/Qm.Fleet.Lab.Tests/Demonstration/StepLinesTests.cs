using Qm.Fleet.Lab.Demonstration;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Demonstration;

/// <summary>What the demonstration writes of the steps of nodes.</summary>
public sealed class StepLinesTests
{
    [Fact, Trait("Requirement", "QMF-LAB-004")]
    public void Show_QmCrashesAgainAndAgain_SaysOnceWhatIsWaitedForUntilSomethingIsDone()
    {
        using var output = new StringWriter();
        var lines = new StepLines(output);
        string[] states = ["deactivating (stop-post)", "activating (auto-restart)", "activating (start)"];
        lines.Show([Node("Ready", "every value was read back as wanted")]);
        for (var attempt = 0; attempt < 5; attempt++)
        {
            foreach (var state in states)
            {
                lines.Show([Node("WaitForQm", $"qm.service is {state}")]);
            }

            lines.Show([Node("WaitForQmOnline", "QM is active, but qm.ecu2 has not registered with BlueChi")]);
        }

        lines.Show([Node("Heal", "qm.service is failed (exit-code)")]);
        lines.Show([Node("WaitForQm", "qm.service is activating (start)")]);

        Assert.Equal(
            """
              ecu2  Ready            every value was read back as wanted
              ecu2  WaitForQm        qm.service is deactivating (stop-post)
              ecu2  WaitForQmOnline  QM is active, but qm.ecu2 has not registered with BlueChi
              ecu2  Heal             qm.service is failed (exit-code)
              ecu2  WaitForQm        qm.service is activating (start)

            """,
            output.ToString());
    }

    private static Node Node(string step, string message) => new() { Metadata = new() { Name = "ecu2" }, Status = new() { Step = new() { Name = step, Message = message } } };
}

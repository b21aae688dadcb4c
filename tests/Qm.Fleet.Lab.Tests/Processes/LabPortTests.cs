using Qm.Fleet.Lab.Processes;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Processes;

[Trait("Requirement", "QMF-LAB-006")]
public sealed class LabPortTests
{
    [Fact]
    public void Port_OfALabWhoseControllerIsDown_IsNotTakenByAnother()
    {
        using var down = LabPort.Claim();
        using var other = LabPort.Claim();
        Assert.NotEqual(down.Number, other.Number);
    }

    [Fact]
    public async Task Directory_OfALabThatEnds_IsItsOwnToTheEnd()
    {
        // Each that starts removes what killed ones left.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var others = Task.Run(
            () =>
            {
                while (!end.IsCancellationRequested)
                {
                    LabDirectory.Create(keep: null).Dispose();
                }
            },
            TestContext.Current.CancellationToken);
        for (var turn = 0; turn < 200; turn++)
        {
            LabDirectory.Create(keep: null).Dispose();
        }

        await end.CancelAsync();
        await others;
    }
}

using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Tests.Gateway;

[Trait("Requirement", "QMF-PROBE-004")]
public sealed class ProbeBookTests
{
    private readonly ProbeBook _book = new();

    [Fact]
    public void Merge_ChangesAfterAllOfIt_KeepsWhatIsNotTold()
    {
        Assert.True(_book.Merge(new() { Complete = true, Results = { Told("navi", V1.ProbeResult.Types.State.Healthy), Told("radio", V1.ProbeResult.Types.State.Unknown) } }));
        Assert.True(_book.Merge(new() { Results = { Told("radio", V1.ProbeResult.Types.State.Unhealthy, 3, "no tuner") } }));

        Assert.Equal(new("navi.service", true, 0, ""), _book.Readings["navi.service"]);
        Assert.Equal(new ProbeReading("radio.service", false, 3, "no tuner"), _book.Readings["radio.service"]);
    }

    [Fact]
    public void Merge_AllOfIt_ForgetsTheRest()
    {
        _book.Merge(new() { Complete = true, Results = { Told("navi", V1.ProbeResult.Types.State.Healthy) } });

        Assert.True(_book.Merge(new() { Complete = true, Results = { Told("radio", V1.ProbeResult.Types.State.Healthy) } }));
        Assert.Equal(["radio.service"], _book.Readings.Keys);
        Assert.True(_book.Merge(new() { Complete = true }));
        Assert.Empty(_book.Readings);
    }

    [Fact]
    public void Merge_AnotherFailureOfTheSameHealth_IsKeptAndIsNoNews()
    {
        _book.Merge(new() { Complete = true, Results = { Told("radio", V1.ProbeResult.Types.State.Healthy) } });

        Assert.False(_book.Merge(new() { Results = { Told("radio", V1.ProbeResult.Types.State.Healthy, 1, "slow") } }));
        Assert.Equal((1, "slow"), (_book.Readings["radio.service"].Failures, _book.Readings["radio.service"].Message));
    }

    [Fact]
    public void Merge_MoreThanIsAskedFor_IsBounded()
    {
        var many = Enumerable.Range(0, ProbeBook.MaxUnits + 10).Select(index => Told(FormattableString.Invariant($"w{index}"), V1.ProbeResult.Types.State.Unhealthy, 1, new string('x', 10_000)));
        _book.Merge(new() { Complete = true, Results = { many } });

        Assert.Equal(ProbeBook.MaxUnits, _book.Readings.Count);
        Assert.All(_book.Readings.Values, reading => Assert.Equal(ProbeBook.MaxMessage, reading.Message.Length));
    }

    private static V1.ProbeResult Told(string name, V1.ProbeResult.Types.State state, int failures = 0, string message = "") =>
        new() { Unit = $"{name}.service", State = state, Failures = failures, Message = message };
}

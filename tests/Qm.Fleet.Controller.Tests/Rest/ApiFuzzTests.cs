using Qm.Fleet.Benchmarks.Fuzz.Api;

namespace Qm.Fleet.Controller.Tests.Rest;

[Collection(nameof(Alone))]
public sealed class ApiFuzzTests
{
    private const long Calls = 3000;
    private const int Seed = 7;
    private const long MostGrowth = 32 << 20;

    [Fact]
    [Trait("Requirement", "QMF-API-062")]
    public async Task Calls_AtRandom_AreNeverAnsweredWithADefect()
    {
        await using var controller = await RunningController.StartAsync();
        var fuzz = new ApiFuzz(controller.Local().CreateCallInvoker(), controller.Rest(), Seed);
        await fuzz.RunAsync(Calls / 10, first: 0, TestContext.Current.CancellationToken);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        // A failing call names its seed and number, which make it again.
        var answers = await fuzz.RunAsync(Calls, Calls / 10, TestContext.Current.CancellationToken);

        Assert.Equal(Calls, answers.Values.Sum());
        Assert.True(answers["grpc OK"] > 0 && answers["rest 200"] > 0, "no call at all was a good one");
        Assert.True(answers["grpc InvalidArgument"] > 0 && answers["rest 400"] > 0, "no call at all was a bad one");
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, MostGrowth);
    }
}

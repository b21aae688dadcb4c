using Qm.Fleet.Core.Reconcile;
using Xunit;

namespace Qm.Fleet.Core.Tests.Reconcile;

[Trait("Requirement", "QMF-RULE-7")]
public sealed class RetryMemoryTests
{
    private static readonly RetryMemory Failed = new RetryMemory().After("b", isKnownBad: false, "b").After("b", isKnownBad: true, "b");

    [Fact]
    public void After_FirstTimeTheNodeTells_IsNoRetry() => Assert.Null(new RetryMemory().After("b", isKnownBad: false, "b").Retried);

    [Fact]
    public void After_FailureTakenBack_IsARetryUntilTheNodeHasForgotten()
    {
        var retried = Failed.After("b", isKnownBad: false, "b");
        var still = retried.After("b", isKnownBad: false, "b");
        var forgotten = still.After("b", isKnownBad: false, null);
        var wentBackAgain = forgotten.After("b", isKnownBad: false, "b");

        Assert.Equal(("b", "b", null, null), (retried.Retried, still.Retried, forgotten.Retried, wentBackAgain.Retried));
    }

    [Fact]
    public void After_AnotherRevisionMeanwhile_IsNoRetry() =>
        Assert.Null(Failed.After("a", isKnownBad: false, "b").After("b", isKnownBad: false, "b").Retried);

    [Fact]
    public void After_NothingWanted_ForgetsAll() => Assert.Equal(new RetryMemory(), Failed.After(null, isKnownBad: false, "b"));
}

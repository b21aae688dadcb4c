using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class RequestTimesTests
{
    [Theory]
    [InlineData(long.MinValue, 0)]
    [InlineData(long.MaxValue, 0)]
    [InlineData(-1, 0)]
    [InlineData(0, int.MinValue)]
    [InlineData(60, int.MaxValue)]
    [Trait("Requirement", "QMF-API-062")]
    public void Span_OutOfEveryBound_IsAProblemAndNoDefect(long seconds, int nanos)
    {
        List<Problem> problems = [];

        Assert.Equal(TimeSpan.Zero, RequestTimes.Span("interval", new Duration { Seconds = seconds, Nanos = nanos }, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), problems));
        Assert.Equal("interval", Assert.Single(problems).Path);
    }
}

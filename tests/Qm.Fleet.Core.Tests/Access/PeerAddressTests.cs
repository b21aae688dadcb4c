using System.Net;
using Qm.Fleet.Core.Access;
using Xunit;

namespace Qm.Fleet.Core.Tests.Access;

[Trait("Requirement", "QMF-ATTACK-002")]
public sealed class PeerAddressTests
{
    [Theory]
    [InlineData("10.0.0.7", "10.0.0.7", PeerMatch.Same)]
    [InlineData("::ffff:10.0.0.7", "10.0.0.7", PeerMatch.Same)]
    [InlineData("10.0.0.7", "::ffff:10.0.0.7", PeerMatch.Same)]
    [InlineData("fe80::1%3", "fe80::1", PeerMatch.Same)]
    [InlineData("127.0.0.1", "127.0.0.1", PeerMatch.Same)]
    [InlineData("10.0.0.7", "10.0.0.8", PeerMatch.Different)]
    [InlineData("2001:db8::7", "10.0.0.7", PeerMatch.Different)]
    [InlineData("127.0.0.1", "10.0.0.7", PeerMatch.Unknown)]
    [InlineData("10.0.0.7", "127.0.0.1", PeerMatch.Unknown)]
    [InlineData("10.0.0.7", "", PeerMatch.Unknown)]
    [InlineData("10.0.0.7", "unix", PeerMatch.Unknown)]
    [InlineData(null, "10.0.0.7", PeerMatch.Unknown)]
    public void Judge_TwoAddresses_ComparesWhatTheyAre(string? link, string bluechi, PeerMatch match) =>
        Assert.Equal(match, PeerAddress.Judge(link is null ? null : IPAddress.Parse(link), bluechi));
}

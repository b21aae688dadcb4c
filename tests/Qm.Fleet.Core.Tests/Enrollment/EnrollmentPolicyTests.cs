using System.Net;
using CsCheck;
using Qm.Fleet.Core.Enrollment;
using Xunit;

namespace Qm.Fleet.Core.Tests.Enrollment;

public sealed class EnrollmentPolicyTests
{
    private static readonly EnrollmentView New = new("ecu1", "aa", IsRetired: false, null, null, null, null, null);
    private static readonly PeerReading Same = PeerReading.Of("ecu1", true, "192.0.2.7", IPAddress.Parse("192.0.2.7"));

    private static readonly Gen<EnrollmentView> Any =
        from fingerprint in Gen.OneOf("aa", "bb")
        from retired in Gen.Bool
        from enrolled in Gen.OneOf(null, new EnrolledKey("aa", true), new EnrolledKey("aa", false), new EnrolledKey("bb", true))
        from waiting in Gen.OneOf<EnrollmentState?>(null, EnrollmentState.Pending, EnrollmentState.Approved, EnrollmentState.Denied)
        from token in Gen.OneOf(null, new TokenCheck(TokenVerdict.Good, "t", ""), new TokenCheck(TokenVerdict.Wrong, "", ""), new TokenCheck(TokenVerdict.UsedUp, "t", "was used 1 of 1 times"))
        from peer in Gen.OneOf(null, Same, PeerReading.Of("ecu1", true, "192.0.2.8", IPAddress.Parse("192.0.2.7")))
        from room in Gen.OneOf(null, "full")
        select new EnrollmentView("ecu1", fingerprint, retired, enrolled, waiting, token, peer, room);

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-001")]
    public void Decide_NameThatAnotherKeyHas_IsRefusedWhoeverApproves() => Any.Where(static view => view.Enrolled is { } key && key.Fingerprint != view.Fingerprint).Sample(
        static view => Assert.True(Assert.IsType<EnrollmentDecision.Refuse>(EnrollmentPolicy.Decide(view)).IsTakeover));

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-001")]
    public void Decide_RetiredNode_IsRefusedWhoeverApproves() => Any.Where(static view => view.IsRetired).Sample(
        static view => Assert.Equal("Retired", Assert.IsType<EnrollmentDecision.Refuse>(EnrollmentPolicy.Decide(view)).Reason));

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-002")]
    public void Decide_Issue_IsByAPersonAGoodTokenOrTheRule() => Any.Sample(static view =>
    {
        if (EnrollmentPolicy.Decide(view) is EnrollmentDecision.Issue issue)
        {
            Assert.True(
                (issue.By == "" && view.Waiting == EnrollmentState.Approved) || (issue.By == "jointoken:t" && view.Token is { Verdict: TokenVerdict.Good })
                || (issue.By == EnrollmentPolicy.PeerMatch && view.Peer is { State: PeerState.Same }));
            Assert.NotEqual(EnrollmentState.Denied, view.Waiting);
        }
    });

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-002")]
    public void Decide_NobodyKnown_WaitsOnce()
    {
        Assert.Equal(new EnrollmentDecision.Wait(true, "It waits for somebody to approve it."), EnrollmentPolicy.Decide(New));
        Assert.Equal(new EnrollmentDecision.Wait(false, "It waits for somebody to approve it."), EnrollmentPolicy.Decide(New with { Waiting = EnrollmentState.Pending, Room = "full" }));
        Assert.Equal(new EnrollmentDecision.TurnAway("full"), EnrollmentPolicy.Decide(New with { Room = "full" }));
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-003")]
    public void Decide_SameKeyAgain_GetsWhatItGot()
    {
        Assert.IsType<EnrollmentDecision.Repeat>(EnrollmentPolicy.Decide(New with { Enrolled = new("aa", true), Token = new(TokenVerdict.UsedUp, "t", "") }));
        Assert.IsType<EnrollmentDecision.Wait>(EnrollmentPolicy.Decide(New with { Enrolled = new("aa", false) }));
    }

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7", PeerState.Same)]
    [InlineData("192.0.2.7", "::ffff:192.0.2.7", PeerState.Same)]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7", PeerState.Same)]
    [InlineData("fe80::1", "fe80::1%3", PeerState.Same)]
    [InlineData("2001:db8::7", "2001:0db8:0::7", PeerState.Same)]
    [InlineData("192.0.2.7", "192.0.2.8", PeerState.Other)]
    [InlineData("192.0.2.7", "::7", PeerState.Other)]
    [InlineData("", "192.0.2.7", PeerState.NotKnown)]
    [InlineData("ecu1", "192.0.2.7", PeerState.NotKnown)]
    [Trait("Requirement", "QMF-ENROLL-004")]
    public void PeerReading_TwoAddresses_AreTheSameHoweverTheyAreWritten(string peer, string address, PeerState state) =>
        Assert.Equal(state, PeerReading.Of("ecu1", true, peer, IPAddress.Parse(address)).State);

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-004")]
    public void PeerReading_NotConnectedOrNoAddress_IsNeverTheSame()
    {
        Assert.Equal(PeerState.Offline, PeerReading.Of("ecu1", false, "192.0.2.7", IPAddress.Parse("192.0.2.7")).State);
        Assert.Equal(PeerState.Other, PeerReading.Of("ecu1", true, "192.0.2.7", null).State);
    }

    [Theory]
    [InlineData("k1", "k1", "", true)]
    [InlineData("k0", "k1", "k0", true)]
    [InlineData("k0", null, "", true)]
    [InlineData("k0", "k2", "k1", false)]
    [Trait("Requirement", "QMF-ENROLL-006")]
    public void MayRenew_KeyOfThisOrTheCertificateBefore_AndNoOlderOne(string key, string? current, string before, bool may) =>
        Assert.Equal(may, EnrollmentPolicy.MayRenew("ecu1", isRetired: false, key, current, before) is null);

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-006")]
    public void RenewalTime_AnyCertificate_IsAfterTwoThirdsOfItsLifeAndWellBeforeItsEnd() =>
        Gen.Select(Gen.Double[0, 1], Gen.Int[1, 1_000_000]).Sample(static (jitter, seconds) =>
        {
            var begin = DateTimeOffset.UnixEpoch;
            var due = (RenewalTime.Of(begin, begin.AddSeconds(seconds), jitter) - begin) / TimeSpan.FromSeconds(seconds);
            Assert.InRange(due, 0.666, 0.717);
        });

    [Theory]
    [InlineData("qmj1.id.secret", "")]
    [InlineData("qmj1.id-1.sec_ret.0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("qmj1.id.secret.0000000000000000000000000000000000000000000000000000000000000000.1111111111111111111111111111111111111111111111111111111111111111",
        "0000000000000000000000000000000000000000000000000000000000000000.1111111111111111111111111111111111111111111111111111111111111111")]
    [Trait("Requirement", "QMF-ENROLL-005")]
    public void JoinTokenText_AsItIsShown_IsRead(string text, string authorities)
    {
        var token = JoinTokenText.Parse(text);

        Assert.NotNull(token);
        Assert.Equal(authorities, string.Join('.', token.Authorities));
        Assert.Equal(string.Join('.', text.Split('.')[..3]), token.Presented.Reveal());
    }

    [Theory]
    [InlineData("")]
    [InlineData("qmj1")]
    [InlineData("qmj1..secret")]
    [InlineData("qmj1.id.")]
    [InlineData("qmj2.id.secret")]
    [InlineData("qmj1.id.secret.00ff")]
    [InlineData("qmj1.id.secret.")]
    [InlineData("qmj1.id.sec ret")]
    [InlineData("qmj1.id.secret.0000000000000000000000000000000000000000000000000000000000000000.x")]
    [InlineData("qmj1.id.secret.000000000000000000000000000000000000000000000000000000000000000G")]
    [InlineData("qmj1.id.secret.0000000000000000000000000000000000000000000000000000000000000000.0000000000000000000000000000000000000000000000000000000000000000.0000000000000000000000000000000000000000000000000000000000000000")]
    [Trait("Requirement", "QMF-ENROLL-005")]
    public void JoinTokenText_AnythingElse_IsNone(string text) => Assert.Null(JoinTokenText.Parse(text));
}

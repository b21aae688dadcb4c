namespace Qm.Fleet.Core.Enrollment;

/// <summary>All that a decision about a request to join is made from.</summary>
/// <param name="Node">The name that is asked for; BlueChi's node name of the host.</param>
/// <param name="Fingerprint">The key that asks for it, which has signed the request.</param>
/// <param name="IsRetired">Whether the node was taken out of service, or the certificate of this key revoked.</param>
/// <param name="Enrolled">Who has the name; null when nobody does.</param>
/// <param name="Waiting">What is known of this key's request; null when it asks for the first time.</param>
/// <param name="Token">The token that came with it; null when none did.</param>
/// <param name="Peer">What BlueChi says, when the rule that heeds it is on; null when it is not, or was not asked.</param>
/// <param name="Room">Why no more requests can wait; null when there is room for one.</param>
public sealed record EnrollmentView(
    string Node, string Fingerprint, bool IsRetired, EnrolledKey? Enrolled, EnrollmentState? Waiting, TokenCheck? Token, PeerReading? Peer, string? Room);

/// <summary>The key that a name was last issued for.</summary>
/// <param name="Fingerprint">Of the key.</param>
/// <param name="IsAtHand">Whether its certificate is kept here and still good, so that it can be answered again.</param>
/// <param name="MayBeReplaced">Whether somebody said that the node may take another key, once.</param>
public sealed record EnrolledKey(string Fingerprint, bool IsAtHand, bool MayBeReplaced = false);

/// <summary>How far an enrollment is. The numbers are stored and on the wire.</summary>
public enum EnrollmentState
{
    /// <summary>Nobody decided yet.</summary>
    Pending = 1,

    /// <summary>A person approved it.</summary>
    Approved = 2,

    /// <summary>A person refused it.</summary>
    Denied = 3,

    /// <summary>The node has its certificate.</summary>
    Enrolled = 4,
}

/// <summary>What a join token is good for, now and for this node.</summary>
public enum TokenVerdict
{
    /// <summary>It lets the node in.</summary>
    Good = 1,

    /// <summary>There is no such token, or its secret is another one.</summary>
    Wrong = 2,

    /// <summary>Its time is over.</summary>
    Ended = 3,

    /// <summary>As many nodes as may have joined with it.</summary>
    UsedUp = 4,

    /// <summary>It is for other nodes, or for those of another site.</summary>
    OutOfScope = 5,
}

/// <summary>A join token that came with a request.</summary>
/// <param name="Verdict">What it is good for.</param>
/// <param name="Name">Its name; empty when it is none.</param>
/// <param name="Detail">Why it is not good, a clause; empty when it is, or is none.</param>
public sealed record TokenCheck(TokenVerdict Verdict, string Name, string Detail);

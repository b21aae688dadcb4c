namespace Qm.Fleet.Core.Enrollment;

/// <summary>Who may join: the one place at which that is decided.</summary>
public static class EnrollmentPolicy
{
    /// <summary>How events name the rule that heeds BlueChi.</summary>
    public const string PeerMatch = "rule:bluechi-peer-match";

    /// <summary>What becomes of a request. A name that somebody has comes before every approval; a person's word comes before a token, and that before a rule.</summary>
    public static EnrollmentDecision Decide(EnrollmentView view)
    {
        if (view.IsRetired)
        {
            return new EnrollmentDecision.Refuse("Retired", $"{view.Node} was retired, or its certificate revoked. Somebody has to allow that it joins again, with another key.", IsTakeover: true);
        }
        if (view.Enrolled is { MayBeReplaced: false } enrolled && enrolled.Fingerprint != view.Fingerprint)
        {
            return new EnrollmentDecision.Refuse(
                "NameTaken",
                $"{view.Node} is enrolled with another key, and a name is never given to a second one. If the node lost its key, somebody has to retire it and let it join again.",
                IsTakeover: true);
        }
        if (view.Enrolled is { IsAtHand: true, MayBeReplaced: false })
        {
            return new EnrollmentDecision.Repeat();
        }
        if (view.Waiting == EnrollmentState.Denied)
        {
            return new EnrollmentDecision.Refuse("Denied", $"Somebody denied that {view.Node} joins with this key.");
        }
        if (view.Waiting == EnrollmentState.Approved)
        {
            return new EnrollmentDecision.Issue("");
        }
        if (view.Token is { } token)
        {
            return ByToken(view.Node, token);
        }
        if (view.Peer is { State: PeerState.Same })
        {
            return new EnrollmentDecision.Issue(PeerMatch);
        }
        if (view.Waiting is null && view.Room is { } full)
        {
            return new EnrollmentDecision.TurnAway(full);
        }
        return new EnrollmentDecision.Wait(
            view.Waiting is null, view.Peer is { } peer ? $"It waits for somebody to approve it, since {peer.Message}." : "It waits for somebody to approve it.");
    }

    /// <summary>Whether a certificate may be renewed.</summary>
    /// <param name="node">Whose.</param>
    /// <param name="isRetired">Whether the node was taken out of service, or the certificate that asks revoked.</param>
    /// <param name="key">The key of the certificate that asks.</param>
    /// <param name="current">The key that the node was last issued for; null when that is not known.</param>
    /// <param name="before">The key of the certificate that asked for that; a node killed before it used the new one still has this. Empty for none.</param>
    /// <returns>Why not; null when it may.</returns>
    public static EnrollmentDecision.Refuse? MayRenew(string node, bool isRetired, string key, string? current, string before)
    {
        if (isRetired)
        {
            return new("Retired", $"{node} was retired, or its certificate revoked, which is not renewed then.", IsTakeover: true);
        }
        return current is null || key == current || key == before ? null : new(
            "RenewedElsewhere",
            $"The certificate of {node} was renewed since with another key than this one. Either its files were put back from a copy, or somebody else has a copy of its key: retire the node, and let it join again.",
            IsTakeover: true);
    }

    private static EnrollmentDecision ByToken(string node, TokenCheck token) => token.Verdict switch
    {
        TokenVerdict.Good => new EnrollmentDecision.Issue($"jointoken:{token.Name}"),
        TokenVerdict.Wrong => new EnrollmentDecision.Refuse("WrongToken", "The join token is none of this controller's. Make one with qmfleet join-token create."),
        TokenVerdict.Ended => new EnrollmentDecision.Refuse("TokenEnded", $"The join token {token.Name} {token.Detail}. Make another one with qmfleet join-token create."),
        TokenVerdict.UsedUp => new EnrollmentDecision.Refuse("TokenUsedUp", $"The join token {token.Name} {token.Detail}. Make another one with qmfleet join-token create."),
        _ => new EnrollmentDecision.Refuse("TokenOutOfScope", $"The join token {token.Name} is not for {node}: {token.Detail}."),
    };
}

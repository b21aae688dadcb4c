namespace Qm.Fleet.Agent.Enrollment;

/// <summary>
/// All of a node's identity as one text, so that it is replaced by one rename and never read half old, half new: PEM blocks under three lines of their own.
/// </summary>
/// <param name="Key">The private key.</param>
/// <param name="Certificate">The node's certificate and what leads from it to an authority, the node's own first.</param>
/// <param name="Authorities">The only roots a controller's certificate may lead to.</param>
internal sealed record IdentityText(string Key, string Certificate, string Authorities)
{
    private const string Head = "# The identity of this node, of qm-fleet-agent. It goes before ca.crt, node.crt and node.key.\n";
    private const string KeyLine = "# key\n";
    private const string CertificateLine = "# certificate\n";
    private const string AuthoritiesLine = "# authorities\n";

    /// <summary>Reads one.</summary>
    /// <returns>Null when it is no such text; what the blocks hold is not looked at.</returns>
    public static IdentityText? Parse(string text)
    {
        var key = text.IndexOf(KeyLine, StringComparison.Ordinal);
        var certificate = text.IndexOf(CertificateLine, StringComparison.Ordinal);
        var authorities = text.IndexOf(AuthoritiesLine, StringComparison.Ordinal);
        return key >= 0 && certificate > key && authorities > certificate
            ? new(text[(key + KeyLine.Length)..certificate], text[(certificate + CertificateLine.Length)..authorities], text[(authorities + AuthoritiesLine.Length)..])
            : null;
    }

    /// <summary>Writes it, as <see cref="Parse"/> reads it.</summary>
    public string Write() => $"{Head}{KeyLine}{Key.TrimEnd('\n')}\n{CertificateLine}{Certificate.TrimEnd('\n')}\n{AuthoritiesLine}{Authorities.TrimEnd('\n')}\n";

    /// <inheritdoc/>
    public override string ToString() => nameof(IdentityText);
}

using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>Has agents take up authorities that are new, and renew certificates of one that signs no more; and knows the keys of certificates that were made by hand.</summary>
internal sealed partial class AgentRenewals : IDisposable
{
    /// <summary>Agents that are asked to renew do so within this.</summary>
    public static readonly TimeSpan Spread = TimeSpan.FromSeconds(30);

    private readonly INodeCertificates _certificates;
    private readonly EnrollmentStore _store;
    private readonly AgentLinks _links;
    private readonly ILogger<AgentRenewals> _logger;

    /// <summary>Begins to listen for new authorities.</summary>
    public AgentRenewals(INodeCertificates certificates, EnrollmentStore store, AgentLinks links, ILogger<AgentRenewals> logger)
    {
        (_certificates, _store, _links, _logger) = (certificates, store, links, logger);
        certificates.Changed += AskAll;
    }

    /// <summary>Says in the welcome what the node is to trust, and whether its certificate is to be renewed.</summary>
    /// <param name="node">Whose agent dialled in.</param>
    /// <param name="shown">The certificate it showed; null where it showed none.</param>
    /// <param name="welcome">Gets it.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task GreetAsync(string node, X509Certificate2? shown, V1.Welcome welcome, CancellationToken ct)
    {
        welcome.AuthoritiesSha256 = _certificates.AuthoritiesDigest;
        if (shown is null)
        {
            return;
        }
        if (!_certificates.IsCurrent(shown))
        {
            welcome.RenewalRequest = Request();
        }
        try
        {
            // By its own word it is valid from a little before it was made; so it counts as older than it is, and takes no name from what was issued since.
            await _store.LearnAsync(node, CertificateRequests.Fingerprint(shown.PublicKey), shown.NotBefore.ToUniversalTime(), ct).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            // The link is worth more than the note; it is made the next time.
            Log.NotLearned(_logger, node, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _certificates.Changed -= AskAll;

    private void AskAll() => _links.TellAll(new V1.ControllerMessage { RenewalRequest = Request() });

    private static V1.RenewalRequest Request() => new() { WithinMs = (int)Spread.TotalMilliseconds };

    private static partial class Log
    {
        [LoggerMessage(1223, LogLevel.Warning, "The key of {Node} could not be noted", EventName = nameof(NotLearned))]
        public static partial void NotLearned(ILogger logger, string node, Exception failure);
    }
}

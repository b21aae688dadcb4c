using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Security;

/// <summary>The open connections of everybody who showed a certificate, so that one which does not count any more ends its connections with it.</summary>
/// <remarks>Holds what is open, so it is bounded as connections are.</remarks>
internal sealed partial class CertifiedConnections(Pki pki, TimeProvider time, ILogger<CertifiedConnections> logger)
{
    private readonly ConcurrentDictionary<ConnectionContext, CertificateInUse> _open = [];

    /// <summary>A certificate was shown. Raised at the handshake, so handlers are quick.</summary>
    public event Action<CertificateInUse>? Shown;

    /// <summary>The certificates of open connections.</summary>
    public IEnumerable<CertificateInUse> Open => _open.Values;

    /// <summary>Follows the connections of a listener; those without a certificate pass.</summary>
    public void Follow(ListenOptions listen) => listen.Use(next => async connection =>
    {
        if (connection.Features.Get<CallerIdentity>() is not { } caller || connection.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is not { } certificate)
        {
            await next(connection).ConfigureAwait(false);
            return;
        }
        var now = time.GetUtcNow();
        var issuer = pki.Authorities.All.FirstOrDefault(authority => PeerCertificates.IsOf(authority, certificate, now));
        var name = certificate.NameOf(caller);
        var shown = new CertificateInUse(caller.Actor, name.Serial, issuer?.Fingerprint ?? "", certificate.Life(), now);
        _open[connection] = shown;
        try
        {
            // It may have been revoked between the handshake and the line above.
            if (Because(shown) is { } because)
            {
                Close(connection, shown, because);
                return;
            }
            Shown?.Invoke(shown);
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            _open.TryRemove(connection, out _);
        }
    });

    /// <summary>Ends every connection whose certificate does not count any more: revoked, ended, or of an authority that is none of ours.</summary>
    /// <returns>How many.</returns>
    public int Check()
    {
        var closed = 0;
        foreach (var (connection, shown) in _open)
        {
            if (Because(shown) is { } because)
            {
                Close(connection, shown, because);
                closed++;
            }
        }
        return closed;
    }

    private string? Because(CertificateInUse shown) =>
        pki.Revoked.Find(shown.Name) is { } revocation ? $"its certificate was revoked by {revocation.Actor}"
        : shown.Life.Ends <= time.GetUtcNow() ? "its certificate has ended"
        : pki.Authorities.All.All(authority => authority.Fingerprint != shown.Authority) ? "its certificate is of an authority that has retired"
        : null;

    private void Close(ConnectionContext connection, CertificateInUse shown, string because)
    {
        Log.Closed(logger, shown.Subject, shown.Serial, because);
        connection.Abort(new ConnectionAbortedException($"The connection of {shown.Subject} ends: {because}."));
    }

    private static partial class Log
    {
        [LoggerMessage(1230, LogLevel.Warning, "A connection of {Subject} with certificate {Serial} was ended: {Because}", EventName = nameof(Closed))]
        public static partial void Closed(ILogger logger, string subject, string serial, string because);
    }
}

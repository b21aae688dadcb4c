using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Enrollment;

/// <summary>How a node that has no identity yet knows its controller: by a file of authorities, or by the fingerprints in its join token. Never by the first who answers.</summary>
internal sealed class ControllerTrust : IDisposable
{
    private const int BytesMax = 1024 * 1024;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly X509Certificate2Collection _owned;
    private readonly PinnedKey? _pinned;

    private ControllerTrust(SslClientAuthenticationOptions tls, X509Certificate2Collection owned, PinnedKey? pinned = null) => (Tls, _owned, _pinned) = (tls, owned, pinned);

    /// <summary>How a connection is made as nobody, and to nobody else than the controller.</summary>
    public SslClientAuthenticationOptions Tls { get; }

    /// <summary>Why the last connection was to somebody else and what to do; empty when it was not, or only TLS itself knows.</summary>
    public string Problem => _pinned?.Problem ?? "";

    /// <summary>By authorities that are the caller's.</summary>
    public static ControllerTrust In(X509Certificate2Collection authorities) => new(NodeIdentity.TrustIn(authorities), []);

    /// <summary>By the authorities of a file.</summary>
    /// <returns>Null when there is no such file.</returns>
    /// <exception cref="NodeIdentityException">It holds no certificate, or cannot be read.</exception>
    public static ControllerTrust? Read(NodeRoot root, string path)
    {
        try
        {
            if (root.ReadText(path, BytesMax) is not { } text)
            {
                return null;
            }

            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(text);
            return authorities.Count > 0 ? new(NodeIdentity.TrustIn(authorities), authorities) : throw new NodeIdentityException($"{path} holds no certificate; put the controller's ca.crt there.");
        }
        catch (CryptographicException e)
        {
            throw new NodeIdentityException($"{path} must be PEM: {e.Message}", e);
        }
        catch (NodeFileException e)
        {
            throw new NodeIdentityException($"The agent {e.Message}.", e);
        }
    }

    /// <summary>By the fingerprints of public keys, with one of which the controller's certificate is signed: has the controller tell its authorities, of which those of these keys are taken.</summary>
    /// <remarks>
    /// This one call goes to whoever answers, and says nothing: what comes back is public, and of it the keys alone are believed, by their fingerprints. Everything else is said on a
    /// connection whose certificate one of them has signed.
    /// </remarks>
    /// <param name="controller">Where to ask.</param>
    /// <param name="fingerprints">SHA-256 of each public key (SubjectPublicKeyInfo), 64 lower-case hexadecimal digits.</param>
    /// <param name="time">Counts the deadline.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="NodeIdentityException">None of them has it.</exception>
    /// <exception cref="RpcException">The controller cannot be asked.</exception>
    public static async Task<ControllerTrust> FindAsync(Uri controller, IReadOnlyList<string> fingerprints, TimeProvider time, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
#pragma warning disable CA5359 // Nothing is believed of this server, and nothing is told it.
        var anybody = new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls13, RemoteCertificateValidationCallback = static (_, _, _, _) => true };
#pragma warning restore CA5359
        using var channel = ControllerChannel.Open(controller, anybody, BytesMax);
        var told = (await new EnrollmentService.EnrollmentServiceClient(channel).RequestEnrollmentAsync(new(), cancellationToken: either.Token).ConfigureAwait(false)).Authorities;
        var (authorities, found) = (new X509Certificate2Collection(), new X509Certificate2Collection());
        try
        {
            authorities.ImportFromPem(told);
        }
        catch (CryptographicException e)
        {
            throw new NodeIdentityException($"{controller} told no authorities that read: {e.Message}", e);
        }

        foreach (var authority in authorities)
        {
            if (fingerprints.Contains(CertificateOrder.Fingerprint(authority.PublicKey)))
            {
                found.Add(authority);
            }
            else
            {
                authority.Dispose();
            }
        }

        if (found.Count == 0)
        {
            throw new NodeIdentityException(
                $"{controller} is not the controller that the join token is of: none of its authorities has the key {string.Join(" or ", fingerprints)}. Its certificate authority may have been exchanged since the token was made: then make another token. Else somebody is in between.");
        }

        var pinned = new PinnedKey(controller, fingerprints, time);
        return new(pinned.TlsWith(found), found, pinned);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var authority in _owned)
        {
            authority.Dispose();
        }
    }
}

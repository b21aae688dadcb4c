using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Enrollment;

/// <summary>How a node that has no identity yet knows its controller: by a file of authorities, or by the fingerprint of one in its join token. Never by the first who answers.</summary>
internal static class ControllerTrust
{
    private const int BytesMax = 1024 * 1024;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    /// <summary>The authorities of a file.</summary>
    /// <returns>Null when there is no such file.</returns>
    /// <exception cref="NodeIdentityException">It holds no certificate, or cannot be read.</exception>
    public static X509Certificate2Collection? Read(NodeRoot root, string path)
    {
        try
        {
            if (root.ReadText(path, BytesMax) is not { } text)
            {
                return null;
            }

            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(text);
            return authorities.Count > 0 ? authorities : throw new NodeIdentityException($"{path} holds no certificate; put the controller's ca.crt there.");
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

    /// <summary>Has the controller tell its authorities, and takes the one whose public key has a fingerprint.</summary>
    /// <remarks>This one call goes to whoever answers, and says nothing: what comes back is public, and worth nothing unless it has the fingerprint. Everything else is said on a connection that the authority vouches for.</remarks>
    /// <param name="controller">Where to ask.</param>
    /// <param name="fingerprint">SHA-256 of the public key (SubjectPublicKeyInfo), 64 lower-case hexadecimal digits.</param>
    /// <param name="time">Counts the deadline.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="NodeIdentityException">None of them has it.</exception>
    /// <exception cref="RpcException">The controller cannot be asked.</exception>
    public static async Task<X509Certificate2Collection> FindAsync(Uri controller, string fingerprint, TimeProvider time, CancellationToken cancellationToken)
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
            if (found.Count == 0 && CertificateOrder.Fingerprint(authority.PublicKey) == fingerprint)
            {
                found.Add(authority);
            }
            else
            {
                authority.Dispose();
            }
        }

        return found.Count > 0 ? found : throw new NodeIdentityException(
            $"{controller} is not the controller that the join token is of: none of its authorities has the key {fingerprint}. Somebody may be in between; else make another token, its authority may have changed.");
    }
}

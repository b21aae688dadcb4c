using System.Security.Cryptography.X509Certificates;

namespace Qm.Fleet.Controller.Security;

/// <summary>Answers a certificate when it holds, and not before.</summary>
/// <remarks>
/// Times in certificates are whole seconds, and one that is made after others of its subject were revoked begins after those: in the second in which they were, that is the next one. Whoever
/// had it at once and came with it would be refused, because it does not hold yet.
/// </remarks>
internal static class CertificateStart
{
    // As long as it can take; where a clock was set back it is for others to say why it does not hold.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    /// <summary>Waits until the first of PEM text has begun, at most two seconds; not at all for empty text.</summary>
    public static async Task HoldsAsync(string pem, TimeProvider time, CancellationToken ct)
    {
        if (pem.Length == 0)
        {
            return;
        }
        using var certificate = X509Certificate2.CreateFromPem(pem);
        var left = certificate.NotBefore.ToUniversalTime() - time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            await Task.Delay(left < Longest ? left : Longest, time, ct).ConfigureAwait(false);
        }
    }
}

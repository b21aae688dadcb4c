using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Qm.Fleet.Controller.Security;

/// <content>One authority takes the place of another: two steps, each made by the replacement of one file.</content>
internal sealed partial class Pki
{
    /// <summary>Begins to exchange the authority: from now on certificates of both are taken, and new ones are of the new one.</summary>
    /// <param name="brought">The new one; null to make it here. It was checked, see <see cref="AuthorityImport"/>.</param>
    /// <param name="actor">Who asks for it.</param>
    /// <param name="why">Why, in their words; may be empty.</param>
    /// <returns>The authorities as they are now.</returns>
    /// <exception cref="RotationException">An exchange goes on already, or it is the authority that is in force.</exception>
    /// <exception cref="IOException">The disk refuses; then nothing has changed.</exception>
    public Authorities BeginRotation(PemIdentity? brought, string actor, string why)
    {
        lock (_gate)
        {
            var now = _time.GetUtcNow();
            var before = Authorities;
            CheckMayBegin(brought);
            var made = brought ?? CertificateAuthority.Create(now, _lives);
            using var certificate = X509Certificate2.CreateFromPem(made.Certificate);
            var folder = AuthorityStep.LaterFolders + Fingerprint(certificate)[..16];
            // Until the step below nobody knows of it: a process that ends here leaves a folder that the next start removes.
            CertificateAuthority.Save(Path.Combine(_root, folder), made, _before);
            Make(new AuthorityStep(
                before.Step.Number + 1, folder, before.Step.Issuing, now, actor,
                $"Certificate authority {Short(certificate)} takes the place of {Short(before.Issuing.Certificate)}{Because(why)}; certificates of both are taken until that one retires."));
            TakeUp();
            return Authorities;
        }
    }

    /// <summary>Whether an exchange could begin.</summary>
    /// <inheritdoc cref="BeginRotation"/>
    public void CheckMayBegin(PemIdentity? brought)
    {
        var before = Authorities;
        if (before.Retiring is not null)
        {
            throw new RotationException($"{Short(before.Retiring.Certificate)} is still on its way out. Finish that first: qmfleet pki rotate ca --finish.");
        }
        if (brought is not null)
        {
            using var certificate = X509Certificate2.CreateFromPem(brought.Certificate);
            if (certificate.RawData.AsSpan().SequenceEqual(before.Issuing.Certificate.RawData))
            {
                throw new RotationException($"{Short(certificate)} is the certificate authority in force already.");
            }
        }
    }

    /// <summary>Retires the old authority: its certificates are taken no longer, and its key is gone.</summary>
    /// <param name="actor">Who asks for it.</param>
    /// <param name="why">Why, in their words; may be empty.</param>
    /// <returns>The authorities as they are now.</returns>
    /// <exception cref="RotationException">There is none to retire.</exception>
    /// <exception cref="IOException">The disk refuses. What it refused is done at the next renewal, or the next start.</exception>
    public Authorities FinishRotation(string actor, string why)
    {
        lock (_gate)
        {
            var before = Authorities;
            var retiring = before.Retiring ?? throw new RotationException("There is one certificate authority, and none to retire. Begin with qmfleet pki rotate ca.");
            Make(new AuthorityStep(
                before.Step.Number + 1, before.Step.Issuing, null, _time.GetUtcNow(), actor,
                $"Certificate authority {Short(retiring.Certificate)} retired{Because(why)}; {Short(before.Issuing.Certificate)} alone is in force."));
            TakeUp();
            Sweep();
            return Authorities;
        }
    }

    private static string Because(string why) => why.Length == 0 ? "" : $", because {why}";

    private static string Fingerprint(X509Certificate2 certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));

    /// <summary>How people are told of an authority: its name, and the first digits of its fingerprint.</summary>
    private static string Short(X509Certificate2 certificate) => $"{certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false)} ({Fingerprint(certificate)[..16]})";

    /// <summary>Has what the controller shows be of the authorities that are in force now, and stand beside their certificates.</summary>
    private void TakeUp()
    {
        if (_server is not null)
        {
            EnsureServer();
        }
        EnsureAdmin();
        Changed?.Invoke();
    }

    private void Make(AuthorityStep step)
    {
        var after = Load(_root, step, _lives);
        step.Write(_root, _before);
        // Those before are not disposed of: somebody may be checking a certificate with them.
        Volatile.Write(ref _authorities, after);
    }
}

/// <summary>The exchange of the authority is not where this can be done; the message says what is so, and what to do.</summary>
internal sealed class RotationException(string message) : Exception(message);

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>The controller's own certificates of nodes, but for what a test says.</summary>
internal sealed class CertificatesByHand : INodeCertificates
{
    private PkiNodeCertificates _inner = null!;

    public event Action? Changed;

    /// <summary>Whether the next certificate cannot be made.</summary>
    public bool FailsNext { get; set; }

    /// <summary>Whether certificates are of the authority that signs now.</summary>
    public bool AreCurrent { get; set; } = true;

    public string AuthoritiesPem => _inner.AuthoritiesPem;

    public string AuthoritiesDigest => _inner.AuthoritiesDigest;

    public IReadOnlyList<string> AuthorityFingerprints => _inner.AuthorityFingerprints;

    public void AddTo(IServiceCollection services) => services.Replace(ServiceDescriptor.Singleton<INodeCertificates>(provider =>
    {
        _inner = ActivatorUtilities.CreateInstance<PkiNodeCertificates>(provider);
        return this;
    }));

    /// <summary>The authorities are others now.</summary>
    public void Change() => Changed?.Invoke();

    public bool IsCurrent(X509Certificate2 certificate) => AreCurrent;

    public string Sign(string node, PublicKey key)
    {
        if (FailsNext)
        {
            FailsNext = false;
            throw new CryptographicException("the key is not at hand");
        }
        return _inner.Sign(node, key);
    }
}

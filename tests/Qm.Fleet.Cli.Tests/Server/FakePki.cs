using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A PkiService with one authority, until it is exchanged.</summary>
internal sealed class FakePki : PkiService.PkiServiceBase
{
    private static readonly DateTimeOffset At = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly List<Revocation> _revocations = [];
    private bool _isRotating;
    private bool _hasRotated;

    /// <summary>The last request for a certificate.</summary>
    public IssueCertificateRequest? Asked { get; private set; }

    /// <summary>The last authority that was brought.</summary>
    public ImportAuthorityRequest? Brought { get; private set; }

    public override Task<Pki> GetPki(GetPkiRequest request, ServerCallContext context) => Task.FromResult(Now());

    public override Task<ExportAuthoritiesResponse> ExportAuthorities(ExportAuthoritiesRequest request, ServerCallContext context) =>
        Task.FromResult(new ExportAuthoritiesResponse { Authorities = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" });

    public override Task<Pki> RotateAuthority(RotateAuthorityRequest request, ServerCallContext context)
    {
        _isRotating |= !request.DryRun;
        return Task.FromResult(Now());
    }

    public override Task<Pki> ImportAuthority(ImportAuthorityRequest request, ServerCallContext context)
    {
        Brought = request;
        _isRotating |= !request.DryRun;
        return Task.FromResult(Now());
    }

    public override Task<Pki> FinishRotation(FinishRotationRequest request, ServerCallContext context)
    {
        if (!request.Force)
        {
            throw new RpcException(new(StatusCode.FailedPrecondition, "1 still has no certificate of the new authority, and would be cut off: node:ecu2. Wait for them, renew theirs, or revoke them; or say that they may be cut off (force)."));
        }

        (_isRotating, _hasRotated) = (false, true);
        return Task.FromResult(Now());
    }

    public override Task<Pki> RotateCertificate(RotateCertificateRequest request, ServerCallContext context) => Task.FromResult(Now());

    public override Task<IssueCertificateResponse> Issue(IssueCertificateRequest request, ServerCallContext context)
    {
        Asked = request;
        return Task.FromResult(request.DryRun ? new() : new IssueCertificateResponse
        {
            Certificate = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----",
            Authorities = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            EndsAt = Timestamp.FromDateTimeOffset(At.AddDays(365)),
        });
    }

    public override Task<Revocation> Revoke(RevokeCertificateRequest request, ServerCallContext context)
    {
        var revocation = new Revocation
        {
            Serial = request.Serial,
            Subject = request.Subject,
            IssuedUntil = request.Serial.Length > 0 ? null : Timestamp.FromDateTimeOffset(At),
            Reason = request.Reason,
            Actor = "admin:ann",
            RevokedAt = Timestamp.FromDateTimeOffset(At),
        };
        if (!request.DryRun)
        {
            _revocations.Insert(0, revocation);
        }

        return Task.FromResult(revocation);
    }

    public override Task<ListRevocationsResponse> ListRevocations(ListRevocationsRequest request, ServerCallContext context) => Task.FromResult(new ListRevocationsResponse { Revocations = { _revocations } });

    private Pki Now()
    {
        var (first, second) = (Certificate("QM Fleet CA", '1', 3650), Certificate("QM Fleet CA 5f03a9c1", '2', 3650));
        var pki = new Pki
        {
            Server = Certificate("qm-fleet-controller", '3', 365),
            Admin = Certificate("local-admin", '4', 365),
            AuthoritiesDigest = new string('d', 64),
            Revocations = _revocations.Count,
        };
        pki.Server.RenewsAt = pki.Admin.RenewsAt = Timestamp.FromDateTimeOffset(At.AddDays(243));
        if (_isRotating)
        {
            pki.Authorities.Add([new() { Certificate = second }, new() { Certificate = first, Retiring = true }]);
            (pki.UsersOfOldCount, pki.RetiresFrom) = (1, Timestamp.FromDateTimeOffset(At.AddDays(30)));
            pki.UsersOfOld.Add("node:ecu2");
            pki.JoinTokensOfOld.Add("bench");
        }
        else
        {
            pki.Authorities.Add(new CertificateAuthority { Certificate = _hasRotated ? second : first });
        }

        return pki;
    }

    private static Certificate Certificate(string name, char digit, int days) => new()
    {
        Subject = $"CN={name}",
        Issuer = "CN=QM Fleet CA",
        Serial = new string(digit, 32),
        Fingerprint = new string(digit, 64),
        BeginsAt = Timestamp.FromDateTimeOffset(At),
        EndsAt = Timestamp.FromDateTimeOffset(At.AddDays(days)),
    };
}

using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Certificates;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
/// <remarks>
/// No key is ever answered. Root on the controller's host can copy <c>pki/</c>, which is how it is backed up; whoever else had it handed out by a call could be each node and each administrator,
/// for as long as the authority lasts.
/// </remarks>
internal sealed partial class PkiApi(
    Pki pki, CertificateDesk desk, CertificateStore store, JoinTokenStore joinTokens, PkiKeeper keeper, Mutations mutations, IOptions<ControllerOptions> options, TimeProvider time) : V1.PkiService.PkiServiceBase
{
    private const int MostUsers = 1000;

    /// <inheritdoc/>
    public override Task<V1.Pki> GetPki(V1.GetPkiRequest request, ServerCallContext context) => Task.FromResult(Wire());

    /// <inheritdoc/>
    public override Task<V1.ExportAuthoritiesResponse> ExportAuthorities(V1.ExportAuthoritiesRequest request, ServerCallContext context)
    {
        var authorities = pki.Authorities;
        return Task.FromResult(new V1.ExportAuthoritiesResponse { Authorities = authorities.Pem, Digest = authorities.Digest });
    }

    /// <inheritdoc/>
    public override Task<V1.Pki> RotateAuthority(V1.RotateAuthorityRequest request, ServerCallContext context) =>
        BeginAsync(request, context, null, request.Reason, request.DryRun);

    /// <inheritdoc/>
    public override Task<V1.Pki> ImportAuthority(V1.ImportAuthorityRequest request, ServerCallContext context)
    {
        if (context.GetHttpContext().Features.Get<CallerSource>() is null)
        {
            throw Failures.Make(Code.FailedPrecondition, "NOT_LOCAL", "The key of a certificate authority is taken on the Unix socket of the controller's host only, and goes over no network.");
        }
        var parsed = AuthorityImport.Read(request.Chain, request.Key, time.GetUtcNow());
        return parsed.IsValid(out var brought) ? BeginAsync(request, context, brought, request.Reason, request.DryRun) : throw Failures.Invalid(parsed.Problems);
    }

    /// <inheritdoc/>
    public override Task<V1.Pki> FinishRotation(V1.FinishRotationRequest request, ServerCallContext context) => RunAsync(request, context, tx =>
    {
        var why = Reasons.Check(request.Reason);
        if (!request.Force && string.Join(' ', StillOfOld()) is { Length: > 0 } still)
        {
            throw Failures.Precondition($"{still} Or say that they may be cut off (force).");
        }
        if (request.DryRun)
        {
            _ = pki.Authorities.Retiring ?? throw Failures.Precondition("There is one certificate authority, and none to retire.");
            return;
        }
        NoteStep(tx, pki.FinishRotation(context.Caller().Actor, why));
    });

    /// <inheritdoc/>
    public override Task<V1.Pki> RotateCertificate(V1.RotateCertificateRequest request, ServerCallContext context)
    {
        if (request.Which is not (V1.RotateCertificateRequest.Types.Which.Server or V1.RotateCertificateRequest.Types.Which.Admin))
        {
            throw Failures.Invalid("which", "it is neither SERVER nor ADMIN");
        }
        var isServer = request.Which == V1.RotateCertificateRequest.Types.Which.Server;
        return RunAsync(request, context, tx =>
        {
            if (!request.DryRun)
            {
                (isServer ? (Action)pki.RotateServer : pki.RotateAdmin)();
                tx.Append(new EventDraft(
                    "CertificateRenewed", EventSeverity.Info, context.Caller().Actor, "", "", "", isServer ? "The server's certificate was made anew." : "The local administrator's certificate was made anew."));
            }
        });
    }

    /// <inheritdoc/>
    public override async Task<V1.IssueCertificateResponse> Issue(V1.IssueCertificateRequest request, ServerCallContext context)
    {
        var issued = await mutations.RunAsync(request, context, () =>
        {
            var key = Check(request);
            return Task.FromResult(new Mutation<V1.IssueCertificateResponse>(tx =>
                request.DryRun ? new V1.IssueCertificateResponse { Authorities = pki.AuthoritiesPem } : Issue(tx, CallerIdentity.Person(request.Name, request.Role), key, context.Caller().Actor)));
        }).ConfigureAwait(false);
        await CertificateStart.HoldsAsync(issued.Certificate, time, context.CancellationToken).ConfigureAwait(false);
        return issued;
    }

    /// <inheritdoc/>
    public override Task<V1.ListRevocationsResponse> ListRevocations(V1.ListRevocationsRequest request, ServerCallContext context) =>
        Task.FromResult(new V1.ListRevocationsResponse { Revocations = { store.Revocations().Select(Wire) } });

    private static PublicKey Check(V1.IssueCertificateRequest request)
    {
        List<Problem> problems = Labels.IsName(request.Name, out var problem) ? [] : [new("name", problem)];
        if (request.Name == CallerIdentity.LocalAdmin)
        {
            problems.Add(new("name", $"{CallerIdentity.LocalAdmin} is the administrator whose certificate the controller makes itself"));
        }
        if (!PeerCertificates.PersonUnits.Contains(request.Role))
        {
            problems.Add(new("role", $"expected one of {string.Join(", ", PeerCertificates.PersonUnits)}; more is given by a binding"));
        }
        var key = CertificateRequests.ReadKey(request.Request.Span, "request");
        return problems.Count == 0 && key.IsValid(out var owned) ? owned : throw Failures.Invalid([.. problems, .. key.Problems]);
    }

    private V1.IssueCertificateResponse Issue(WriteTransaction tx, CallerIdentity owner, PublicKey key, string actor)
    {
        var (authorities, pem) = (pki.Authorities, pki.SignPerson(owner.Name, owner.Role, key));
        using var certificate = X509Certificate2.CreateFromPem(pem);
        CertificateInUse use = new(owner.Actor, certificate.NameOf(owner).Serial, authorities.Issuing.Fingerprint, certificate.Life(), tx.Now);
        CertificateStore.Save(tx, use);
        desk.Saw(use);
        tx.Append(new EventDraft(
            "CertificateIssued", EventSeverity.Warning, actor, "", "", "", FormattableString.Invariant($"{owner.Actor} was given certificate {use.Serial}, which holds until {use.Life.Ends:u}."))
        {
            After = AuditText.Of(AuditText.Fields(
                ("subject", owner.Actor), ("serial", use.Serial), ("key", CertificateRequests.Fingerprint(key)), ("endsAt", FormattableString.Invariant($"{use.Life.Ends:u}")))),
        });
        return new V1.IssueCertificateResponse { Certificate = pem, Authorities = authorities.Pem, EndsAt = Timestamp.FromDateTimeOffset(use.Life.Ends) };
    }

    private Task<V1.Pki> BeginAsync(IMessage request, ServerCallContext context, PemIdentity? brought, string reason, bool dryRun) => RunAsync(request, context, tx =>
    {
        var why = Reasons.Check(reason);
        if (dryRun)
        {
            pki.CheckMayBegin(brought);
            return;
        }
        NoteStep(tx, pki.BeginRotation(brought, context.Caller().Actor, why));
    });

    // The files come before the event: where the event is not stored, the keeper tells of the step later.
    private static void NoteStep(WriteTransaction tx, Authorities authorities) => CertificateStore.NoteStep(tx, authorities.Step.Number, () => PkiKeeper.Draft(authorities.Step));

    private Task<V1.Pki> RunAsync(IMessage request, ServerCallContext context, Action<WriteTransaction> change) => mutations.RunAsync(request, context, () => Task.FromResult(new Mutation<V1.Pki>(tx =>
    {
        try
        {
            change(tx);
            return Wire();
        }
        catch (RotationException e)
        {
            throw Failures.Precondition(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failures.Make(Code.Unavailable, "DISK", $"The keys could not be written: {e.Message} See what is so now, and ask again.");
        }
    })
    {
        Stored = Settle,
        NotStored = Settle,
    }));

    private IEnumerable<string> StillOfOld()
    {
        if (pki.Authorities.Retiring is { } retiring && desk.UsersOf(retiring) is { Count: > 0 } users)
        {
            yield return $"{users.Count} still {(users.Count == 1 ? "has" : "have")} no certificate of the new authority, and would be cut off: {Some(users.Select(static user => user.Subject))}. Wait for them, renew theirs, or revoke them.";
        }
        if (TokensOfOld() is { Count: > 0 } tokens)
        {
            yield return $"{tokens.Count} join {(tokens.Count == 1 ? "token that can be used yet names" : "tokens that can be used yet name")} the old authority alone, and nodes that come with {(tokens.Count == 1 ? "it" : "them")} would not believe the controller any more: {Some(tokens)}. "
                + "Revoke what is of the old one and make others, which name both, or wait until that has ended.";
        }
    }

    private static string Some(IEnumerable<string> names) => names.Take(11).ToList() is var some && some.Count > 10 ? $"{string.Join(", ", some[..10])} and others" : string.Join(", ", some);

    private IReadOnlyList<string> TokensOfOld() => pki.Authorities.Retiring is null ? [] : joinTokens.LostWithout(CertificateRequests.Fingerprint(pki.Authority.PublicKey), time.GetUtcNow());

    private void Settle()
    {
        desk.Refresh();
        keeper.Wake();
    }

    private V1.Pki Wire()
    {
        var authorities = pki.Authorities;
        using var admin = pki.Admin();
        var users = authorities.Retiring is { } retiring ? desk.UsersOf(retiring) : [];
        return new V1.Pki
        {
            Authorities =
            {
                authorities.All.Select(authority => new V1.CertificateAuthority { Certificate = Wire(authority.Certificate, renews: false), Retiring = ReferenceEquals(authority, authorities.Retiring) }),
            },
            Server = Wire(pki.Presented, renews: true),
            Admin = admin is null ? null : Wire(admin, renews: true),
            AuthoritiesDigest = authorities.Digest,
            UsersOfOld = { users.Take(MostUsers).Select(static user => user.Subject) },
            UsersOfOldCount = users.Count,
            RetiresFrom = authorities.Retiring is null ? null : Timestamp.FromDateTimeOffset(authorities.Step.Since + options.Value.AuthorityOverlap),
            Revocations = pki.Revoked.All.Count,
            JoinTokensOfOld = { TokensOfOld() },
        };
    }

    private static V1.Certificate Wire(X509Certificate2 certificate, bool renews)
    {
        var life = certificate.Life();
        return new V1.Certificate
        {
            Subject = certificate.Subject,
            Issuer = certificate.Issuer,
            Serial = certificate.SerialNumber.ToLowerInvariant(),
            Fingerprint = certificate.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256).ToLowerInvariant(),
            BeginsAt = Timestamp.FromDateTimeOffset(life.Begins),
            EndsAt = Timestamp.FromDateTimeOffset(life.Ends),
            RenewsAt = renews ? Timestamp.FromDateTimeOffset(life.RenewAt) : null,
        };
    }

    private static V1.Revocation Wire(Revocation revocation) => new()
    {
        Serial = revocation.Serial,
        Subject = revocation.Subject,
        IssuedUntil = revocation.Serial.Length > 0 || revocation.Until == DateTimeOffset.MaxValue ? null : Timestamp.FromDateTimeOffset(revocation.Until),
        Reason = revocation.Reason,
        Actor = revocation.Actor,
        RevokedAt = Timestamp.FromDateTimeOffset(revocation.At),
    };
}

using Grpc.Core;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Certificates;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <content>What ends certificates before their time.</content>
internal sealed partial class PkiApi
{
    private const int LongestSerial = 40;
    private const int LongestSubject = 255;

    /// <inheritdoc/>
    public override Task<V1.Revocation> Revoke(V1.RevokeCertificateRequest request, ServerCallContext context)
    {
        var serial = request.Serial.ToLowerInvariant();
        Check(request, serial);
        return mutations.RunAsync(request, context, () => Task.FromResult(new Mutation<V1.Revocation>(tx =>
        {
            var revocation = new Revocation(serial, request.Subject, tx.Now, request.Reason, context.Caller().Actor, tx.Now);
            try
            {
                CertificateStore.Revoke(tx, revocation);
            }
            catch (AccessException e)
            {
                throw Failures.Make(Google.Rpc.Code.ResourceExhausted, "TOO_MANY_REVOCATIONS", e.Message);
            }
            var what = serial.Length > 0 ? $"Certificate {serial} was revoked" : $"All certificates that {request.Subject} has so far were revoked";
            tx.Append(new EventDraft("CertificateRevoked", EventSeverity.Warning, context.Caller().Actor, "", NodeOf(request.Subject), "", $"{what}, because {request.Reason}.")
            {
                After = AuditText.Of(AuditText.Fields(("serial", serial), ("subject", request.Subject), ("reason", request.Reason))),
            });
            return Wire(revocation);
        })
        {
            Stored = Settle,
        }));
    }

    private static string NodeOf(string subject) => CertificateDesk.IsNode(subject) ? subject[(subject.IndexOf(':', StringComparison.Ordinal) + 1)..] : "";

    private static void Check(V1.RevokeCertificateRequest request, string serial)
    {
        List<Problem> problems = [];
        if (serial.Length > 0 == request.Subject.Length > 0)
        {
            problems.Add(new("serial", "expected either a serial number or a subject"));
        }
        if (serial.Length > LongestSerial || !serial.All(char.IsAsciiHexDigitLower))
        {
            problems.Add(new("serial", $"expected 1 to {LongestSerial} hexadecimal digits, as qmfleet pki and events show them"));
        }
        if (request.Subject.Length > 0 && !IsSubject(request.Subject))
        {
            problems.Add(new("subject", $"it is nobody who has a certificate; expected {string.Join(", ", PeerCertificates.PersonUnits.Prepend(PeerCertificates.NodeUnit).Select(static unit => unit + ":NAME"))}"));
        }
        if (request.Reason.Length is 0 or > Reasons.Longest)
        {
            problems.Add(new("reason", $"it has {request.Reason.Length} characters; expected 1 to {Reasons.Longest}"));
        }
        if (problems.Count > 0)
        {
            throw Failures.Invalid(problems);
        }
    }

    private static bool IsSubject(string subject) => subject.Length <= LongestSubject && !subject.Any(char.IsControl) && subject.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon
        && colon < subject.Length - 1 && PeerCertificates.PersonUnits.Append(PeerCertificates.NodeUnit).Contains(subject[..colon]);
}

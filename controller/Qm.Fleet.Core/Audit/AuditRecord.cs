using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Qm.Fleet.Core.Audit;

/// <summary>An event as the audit trail holds it to: everything of it that must not change.</summary>
/// <param name="Number">Position in the log, from 1.</param>
/// <param name="Seconds">When: seconds since 1970 UTC.</param>
/// <param name="Nanos">When: nanoseconds within the second.</param>
/// <param name="Severity">How bad it is, as stored.</param>
/// <param name="Reason">A CamelCase word.</param>
/// <param name="Actor">Who caused it.</param>
/// <param name="Fleet">The fleet concerned; empty when none.</param>
/// <param name="Node">The node concerned; empty when none.</param>
/// <param name="Unit">The unit concerned; empty when none.</param>
/// <param name="Message">A sentence for a person.</param>
/// <param name="Details">Where it came from and what it changed.</param>
public sealed record AuditRecord(
    long Number, long Seconds, int Nanos, int Severity, string Reason, string Actor, string Fleet, string Node, string Unit, string Message, AuditDetails Details)
{
    /// <summary>Length of a hash in bytes.</summary>
    public const int HashLength = SHA256.HashSizeInBytes;

    // Another form gets another name, so that no hash of the one is ever one of the other.
    private const string Form = "qm.fleet.event.1\n";

    /// <summary>The one way to write an event, behind the hash of the one before.</summary>
    /// <remarks>
    /// The name of the form; the hash before, 32 bytes, all zero for the first event; number and seconds, 8 bytes each; nanoseconds and severity, 4 bytes each; then
    /// reason, actor, fleet, node, unit, message, source, request id, before and after, each as the length of its UTF-8 in 4 bytes and the UTF-8 itself. Integers are
    /// big-endian and signed. This is frozen: every stored hash was made of it.
    /// </remarks>
    public byte[] Write(ReadOnlySpan<byte> previous)
    {
        string[] texts = [Reason, Actor, Fleet, Node, Unit, Message, Details.Source, Details.RequestId, Details.Before, Details.After];
        var bytes = new byte[Form.Length + HashLength + 24 + texts.Sum(static text => 4 + Encoding.UTF8.GetByteCount(text))];
        var rest = bytes.AsSpan();
        rest = rest[Encoding.UTF8.GetBytes(Form, rest)..];
        previous.CopyTo(rest[..HashLength]);
        rest = rest[HashLength..];
        BinaryPrimitives.WriteInt64BigEndian(rest, Number);
        BinaryPrimitives.WriteInt64BigEndian(rest[8..], Seconds);
        BinaryPrimitives.WriteInt32BigEndian(rest[16..], Nanos);
        BinaryPrimitives.WriteInt32BigEndian(rest[20..], Severity);
        rest = rest[24..];
        foreach (var text in texts)
        {
            var length = Encoding.UTF8.GetBytes(text, rest[4..]);
            BinaryPrimitives.WriteInt32BigEndian(rest, length);
            rest = rest[(4 + length)..];
        }

        return bytes;
    }

    /// <summary>SHA-256 of <see cref="Write"/>.</summary>
    /// <param name="previous">The hash of the event before; 32 zero bytes for the first.</param>
    public byte[] Hash(ReadOnlySpan<byte> previous) => SHA256.HashData(Write(previous));
}

/// <summary>Where an event came from and what it changed; each empty where there is nothing of it.</summary>
/// <param name="Source">The address a call came from.</param>
/// <param name="RequestId">The call's request id.</param>
/// <param name="Before">What was, as JSON.</param>
/// <param name="After">What is, as JSON.</param>
public sealed record AuditDetails(string Source, string RequestId, string Before, string After)
{
    /// <summary>Nothing.</summary>
    public static AuditDetails None { get; } = new("", "", "", "");
}

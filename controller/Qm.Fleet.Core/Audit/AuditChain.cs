using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;

namespace Qm.Fleet.Core.Audit;

/// <summary>Walks the audit trail from its first event, or from an end that is remembered, and finds the first that does not fit.</summary>
/// <remarks>Each event's hash covers the hash before it: whoever alters, removes, adds or swaps one has to make all that follow anew, and then the remembered end is gone.</remarks>
/// <param name="remembered">An end that an earlier walk found, which must still be there; null for none.</param>
public sealed class AuditChain(AuditLink? remembered)
{
    private AuditLink? _last;
    private bool _wasSeen;

    /// <summary>The last event that fits; number 0 while none does.</summary>
    public AuditLink End => _last ?? AuditLink.Begin;

    /// <summary>Takes the next event.</summary>
    /// <param name="record">The event.</param>
    /// <param name="hash">The hash that stands beside it.</param>
    /// <returns>What is wrong with it; null when it fits. After something was wrong nothing more is taken.</returns>
    public AuditBreak? Take(AuditRecord record, ReadOnlySpan<byte> hash)
    {
        // What begins right behind the remembered end hangs on it; everything else begins with the first event.
        var isBehind = _last is null && remembered is not null && record.Number == remembered.Number + 1;
        var last = isBehind ? remembered! : End;
        _wasSeen |= isBehind;
        if (record.Number != last.Number + 1)
        {
            return record.Number > last.Number
                ? new(last.Number + 1, AuditFault.Missing, Text($"event {last.Number + 1} is missing: {record.Number} comes in its place"))
                : new(last.Number + 1, AuditFault.Missing, Text($"event {last.Number + 1} is missing: {record.Number} comes a second time"));
        }

        if (!CryptographicOperations.FixedTimeEquals(record.Hash(last.Hash.AsSpan()), hash))
        {
            return new(record.Number, AuditFault.Altered, Text($"event {record.Number} was altered: its hash is not that of what stands there and of the hash before"));
        }

        if (record.Number == remembered?.Number)
        {
            _wasSeen = true;
            if (!remembered.Hash.AsSpan().SequenceEqual(hash))
            {
                return new(record.Number, AuditFault.EndGone, Text($"event {record.Number} is another than the one that is remembered: the log was made anew up to there or further"));
            }
        }

        _last = new(record.Number, [.. hash]);
        return null;
    }

    /// <summary>There are no more events.</summary>
    /// <returns>What is wrong with that; null when nothing is.</returns>
    public AuditBreak? Finish() => remembered is null or { Number: 0 } || _wasSeen
        ? null
        : new(End.Number + 1, AuditFault.EndGone, Text($"event {End.Number + 1} is gone, and all after it: the log ends at {End.Number}, and event {remembered.Number} is remembered"));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>An event's number and hash; whoever remembers it can tell later whether the log up to there is the same.</summary>
/// <param name="Number">The event's number; 0 before the first.</param>
/// <param name="Hash">Its hash, 32 bytes; zeros before the first.</param>
public sealed record AuditLink(long Number, ImmutableArray<byte> Hash)
{
    /// <summary>What the first event hangs on.</summary>
    public static AuditLink Begin { get; } = new(0, [.. new byte[AuditRecord.HashLength]]);

    /// <summary>Reads <c>NUMBER:HASH</c>.</summary>
    /// <returns>Null when it is not that.</returns>
    public static AuditLink? Parse(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && long.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            && HashOf(text[(colon + 1)..]) is { Length: AuditRecord.HashLength } hash ? new(number, [.. hash]) : null;
    }

    /// <summary>The bytes of a hash in hex; empty when it is none.</summary>
    public static byte[] HashOf(string hex) => hex.Length == 2 * AuditRecord.HashLength && hex.All(char.IsAsciiHexDigitLower) ? Convert.FromHexString(hex) : [];

    /// <inheritdoc/>
    public bool Equals(AuditLink? other) => other is not null && Number == other.Number && Hash.AsSpan().SequenceEqual(other.Hash.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => Number.GetHashCode();

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}:{Convert.ToHexStringLower(Hash.AsSpan())}");
}

/// <summary>Where the audit trail does not hold.</summary>
/// <param name="Number">The first event that does not fit.</param>
/// <param name="Fault">What is wrong.</param>
/// <param name="Reason">The same for a person.</param>
public sealed record AuditBreak(long Number, AuditFault Fault, string Reason);

/// <summary>What can be wrong with the audit trail. The numbers are those of the API.</summary>
public enum AuditFault
{
    /// <summary>An event is not what its hash was made of, or hangs on another one.</summary>
    Altered = 1,

    /// <summary>An event is not there, and later ones are.</summary>
    Missing = 2,

    /// <summary>The end that is remembered is not there any more.</summary>
    EndGone = 3,
}

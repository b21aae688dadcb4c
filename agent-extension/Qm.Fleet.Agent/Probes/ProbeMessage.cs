using System.Globalization;
using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Agent.Probes;

/// <summary>What a probe found, made fit to leave the node: without secrets, on one line, printable, bounded.</summary>
internal static class ProbeMessage
{
    /// <summary>The most characters.</summary>
    public const int LengthMax = 256;

    // A secret is told by what stands before it, so that more is read than is kept.
    private const int ReadMax = 4096;

    /// <summary>The text as it may be told.</summary>
    public static string Of(string text)
    {
        var redacted = Redactor.Redact(Cut(text, ReadMax)).Text;
        return Cut(string.Concat(redacted.Select(character => IsPrintable(character) ? character : ' ')).Trim(), LengthMax);
    }

    // Half of a pair is no text any more.
    private static string Cut(string text, int most) => text.Length <= most ? text : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];

    private static bool IsPrintable(char character) => char.GetUnicodeCategory(character) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse);
}

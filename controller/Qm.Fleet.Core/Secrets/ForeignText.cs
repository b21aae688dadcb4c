using Qm.Fleet.Core.Text;

namespace Qm.Fleet.Core.Secrets;

/// <summary>Text that somebody else chose, made fit to be told: without secrets, as <see cref="ShownText"/> shows it, and bounded.</summary>
public static class ForeignText
{
    // A secret is told by what stands before it, so that more is read than is kept.
    private const int ReadFactor = 16;

    /// <summary>Lines and tabs stay.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="most">The most characters that are kept; more are cut, never in the middle of one.</param>
    public static string Fit(string text, int most) => Plain(Redactor.Redact(Cut(text, most * ReadFactor)).Text, most, keepsLines: true);

    /// <summary>On one line.</summary>
    /// <inheritdoc cref="Fit"/>
    public static string FitLine(string text, int most) => Plain(Redactor.Redact(Cut(text, most * ReadFactor)).Text, most, keepsLines: false);

    /// <summary>What holds no secret by what it is, such as a name: on one line.</summary>
    /// <inheritdoc cref="Fit"/>
    public static string Plain(string text, int most) => Plain(text, most, keepsLines: false);

    /// <summary>A sentence of our own that quotes others; lines and tabs stay, and who did something does.</summary>
    /// <inheritdoc cref="Fit"/>
    public static string FitSentence(string text, int most) => Plain(Redactor.RedactSentence(Cut(text, most * ReadFactor)), most, keepsLines: true);

    private static string Plain(string text, int most, bool keepsLines) =>
        ShownText.Of(text, lines: keepsLines) is var shown && keepsLines ? Cut(shown, most) : Cut(shown.Trim(), most).TrimEnd();

    // Half of a pair is no text any more.
    private static string Cut(string text, int most) => text.Length <= most ? text : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];
}

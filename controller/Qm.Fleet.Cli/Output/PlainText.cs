namespace Qm.Fleet.Cli.Output;

/// <summary>Text that a terminal shows and does not obey.</summary>
internal static class PlainText
{
    /// <summary>The text with '?' for every control character.</summary>
    internal static string Of(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(letter => char.IsControl(letter) ? '?' : letter)) : text;
}

using Qm.Fleet.Core.Text;

namespace Qm.Fleet.Cli.Output;

/// <summary>Text that a terminal shows and does not obey.</summary>
internal static class PlainText
{
    /// <summary>The text with '?' for every character that a terminal would obey instead of showing it, or that turns the direction of others.</summary>
    internal static string Of(string text) => ShownText.Of(text);

    /// <summary>The same of a text that may have several lines.</summary>
    internal static string Lines(string text) => ShownText.Of(text, lines: true);
}

using System.Diagnostics.CodeAnalysis;

namespace Qm.Fleet.Core.Selectors;

/// <summary>Labels and names as Kubernetes has them.</summary>
public static class Labels
{
    /// <summary>Whether a text is a label key: an optional DNS prefix of at most 253 characters and <c>/</c>, then a name of at most 63.</summary>
    public static bool IsKey(string text, [NotNullWhen(false)] out string? problem)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var prefix = slash < 0 ? null : text[..slash];
        problem = prefix is not null && (prefix.Length is 0 or > 253 || !prefix.Split('.').All(IsDnsLabel))
            ? $"\"{text}\" is not a label key; before '/' stands a DNS name"
            : IsQualified(text[(slash + 1)..]) ? null
            : $"\"{text}\" is not a label key; expected 1 to 63 of A-Z, a-z, 0-9, '-', '_' and '.', beginning and ending with a letter or digit";
        return problem is null;
    }

    /// <summary>Whether a text is a label value: empty, or as a key's name.</summary>
    public static bool IsValue(string text, [NotNullWhen(false)] out string? problem)
    {
        problem = text.Length == 0 || IsQualified(text) ? null
            : $"\"{text}\" is not a label value; expected at most 63 of A-Z, a-z, 0-9, '-', '_' and '.', beginning and ending with a letter or digit";
        return problem is null;
    }

    /// <summary>Whether a text is a resource name: a lower-case DNS label of at most 63 characters.</summary>
    public static bool IsName(string text, [NotNullWhen(false)] out string? problem)
    {
        problem = IsDnsLabel(text) ? null
            : text.Length == 0 ? "a name is required"
            : $"\"{text}\" is not a name; expected 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit";
        return problem is null;
    }

    private static bool IsDnsLabel(string text) =>
        text.Length is > 0 and <= 63 && text[0] != '-' && text[^1] != '-'
        && text.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character == '-');

    private static bool IsQualified(string text) =>
        text.Length is > 0 and <= 63 && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1])
        && text.All(character => char.IsAsciiLetterOrDigit(character) || "-_.".Contains(character));
}

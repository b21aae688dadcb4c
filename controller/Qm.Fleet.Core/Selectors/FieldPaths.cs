using System.Diagnostics.CodeAnalysis;

namespace Qm.Fleet.Core.Selectors;

/// <summary>How a field of a resource is named: <c>status.step.since</c>.</summary>
public static class FieldPaths
{
    /// <summary>The longest path there is.</summary>
    public const int MaxLength = 255;

    /// <summary>Whether a text is a path: names of letters, digits and '_', each beginning with a letter, joined by dots; at most <see cref="MaxLength"/> characters.</summary>
    /// <remarks>Whether there is such a field is for who knows the resource.</remarks>
    public static bool IsPath(string text, [NotNullWhen(false)] out string? problem)
    {
        problem = text.Length == 0 ? "a field is missing"
            : text.Length > MaxLength ? $"\"{text[..20]}...\" has {text.Length} characters; a field has at most {MaxLength}"
            : text.Split('.').All(IsFieldName) ? null
            : $"\"{text}\" is not a field; expected names of letters, digits and '_' joined by dots, such as metadata.name";
        return problem is null;
    }

    private static bool IsFieldName(string text) =>
        text.Length > 0 && char.IsAsciiLetter(text[0]) && text.All(character => char.IsAsciiLetterOrDigit(character) || character == '_');
}

using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Qm.Fleet.Core.Selectors;

/// <summary>One condition on a field.</summary>
/// <param name="Path">The field, as it was written.</param>
/// <param name="IsEqual">Whether the field must have the value, or must not.</param>
/// <param name="Value">The value, without escapes.</param>
/// <param name="Position">The character at which the condition stands, from 1.</param>
public sealed record FieldRequirement(string Path, bool IsEqual, string Value, int Position)
{
    /// <summary>As it is written, with the escapes it takes.</summary>
    public override string ToString() =>
        Path + (IsEqual ? "=" : "!=") + Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal).Replace("=", "\\=", StringComparison.Ordinal);
}

/// <summary>A Kubernetes field selector: conditions separated by commas, all of which must hold.</summary>
/// <remarks>
/// Grammar: <c>path=value</c>, <c>path==value</c>, <c>path!=value</c>. In a value <c>,</c>, <c>=</c> and <c>\</c> stand behind a <c>\</c>. Blanks around a path and
/// around a value are no part of it.
/// </remarks>
/// <param name="Requirements">The conditions as they were written; none selects everything.</param>
public sealed record FieldSelector(ImmutableArray<FieldRequirement> Requirements)
{
    /// <summary>The longest selector that is read.</summary>
    public const int MaxLength = 4096;

    /// <summary>How many conditions a selector may have.</summary>
    public const int MaxRequirements = 32;

    /// <summary>Reads a selector; an empty text selects everything.</summary>
    /// <param name="text">The selector.</param>
    /// <param name="selector">What was read; null when there are problems.</param>
    /// <param name="problems">Everything that is wrong, each with the character at which it stands, from 1.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out FieldSelector? selector, out IReadOnlyList<string> problems)
    {
        var found = new List<string>();
        var requirements = ImmutableArray.CreateBuilder<FieldRequirement>();
        if (text.Length > MaxLength)
        {
            found.Add($"it has {text.Length} characters; at most {MaxLength} are read");
        }
        else if (!string.IsNullOrWhiteSpace(text))
        {
            var parts = Split(text);
            if (parts.Count > MaxRequirements)
            {
                found.Add($"it has {parts.Count} conditions; at most {MaxRequirements} are read");
                parts.Clear();
            }

            foreach (var (part, position) in parts)
            {
                if (TryRead(part, position, out var problem) is { } requirement)
                {
                    requirements.Add(requirement);
                }
                else
                {
                    found.Add($"at character {position}: {problem}");
                }
            }
        }

        problems = found;
        selector = found.Count == 0 ? new(requirements.ToImmutable()) : null;
        return selector is not null;
    }

    /// <summary>As it is written, with the escapes it takes.</summary>
    public override string ToString() => string.Join(',', Requirements);

    // The conditions between commas that have no '\' before them, each with where it begins, from 1.
    private static List<(string Part, int Position)> Split(string text)
    {
        var parts = new List<(string, int)>();
        var begin = 0;
        for (var at = 0; at <= text.Length; at++)
        {
            if (at == text.Length || text[at] == ',')
            {
                var part = text[begin..at];
                parts.Add((part.Trim(), begin + 1 + part.Length - part.TrimStart().Length));
                begin = at + 1;
            }
            else if (text[at] == '\\' && at + 1 < text.Length)
            {
                at++;
            }
        }

        return parts;
    }

    private static FieldRequirement? TryRead(string part, int position, out string problem)
    {
        problem = part.Length == 0 ? "a condition is missing" : "";
        var equals = part.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0)
        {
            problem = problem.Length > 0 ? problem : $"\"{part}\": expected field=value or field!=value";
            return null;
        }

        var isEqual = equals == 0 || part[equals - 1] != '!';
        var path = part[..(isEqual ? equals : equals - 1)].Trim();
        var rest = part[(isEqual && part[(equals + 1)..] is ['=', ..] ? equals + 2 : equals + 1)..].TrimStart();
        if (!FieldPaths.IsPath(path, out var wrong) || !TryUnescape(rest, out var value, out wrong))
        {
            problem = wrong;
            return null;
        }

        return new(path, isEqual, value, position);
    }

    private static bool TryUnescape(string text, out string value, [NotNullWhen(false)] out string? problem)
    {
        var plain = new System.Text.StringBuilder(text.Length);
        problem = null;
        for (var at = 0; at < text.Length && problem is null; at++)
        {
            if (text[at] == '=')
            {
                problem = $"\"{text}\" is not a value; '=' stands behind a '\\' in it";
            }
            else if (text[at] != '\\')
            {
                plain.Append(text[at]);
            }
            else if (at + 1 < text.Length && text[at + 1] is ',' or '=' or '\\')
            {
                plain.Append(text[++at]);
            }
            else
            {
                problem = $"\"{text}\" is not a value; '\\' stands before ',', '=' or '\\' and nothing else";
            }
        }

        value = plain.ToString();
        return problem is null;
    }
}

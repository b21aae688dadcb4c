using System.Collections.Immutable;

namespace Qm.Fleet.Core.Selectors;

/// <summary>Reads the text of a selector, condition by condition, noting every problem.</summary>
internal static class SelectorText
{
    private static readonly char[] Blanks = [' ', '\t', '\r', '\n'];

    /// <summary>The conditions between commas that stand outside of parentheses, each with its position from 1.</summary>
    internal static IEnumerable<(string Part, int Position)> SplitTop(string text)
    {
        var begin = 0;
        var depth = 0;
        for (var at = 0; at <= text.Length; at++)
        {
            if (at == text.Length || (text[at] == ',' && depth == 0))
            {
                yield return (text[begin..at], begin + 1);
                begin = at + 1;
            }
            else
            {
                depth += text[at] switch { '(' => 1, ')' when depth > 0 => -1, _ => 0 };
            }
        }
    }

    /// <summary>Reads one condition; null when it has problems.</summary>
    internal static Requirement? TryRead(string part, int position, List<string> problems)
    {
        var before = problems.Count;
        var trimmed = part.Trim(Blanks);
        position += part.Length - part.TrimStart(Blanks).Length;
        var requirement = trimmed switch
        {
            "" => Fail("a condition is missing"),
            ['!', .. var key] when !key.Contains('=') => New(key.Trim(Blanks), RequirementOperator.DoesNotExist, []),
            _ when ReadSet(trimmed) is { } set => set,
            _ when trimmed.IndexOf('=', StringComparison.Ordinal) is >= 0 and var equals => ReadEquality(trimmed, equals),
            _ => New(trimmed, RequirementOperator.Exists, []),
        };
        return problems.Count == before ? requirement : null;

        Requirement ReadEquality(string text, int equals)
        {
            var not = equals > 0 && text[equals - 1] == '!';
            var isDouble = !not && text[(equals + 1)..] is ['=', ..];
            var key = text[..(not ? equals - 1 : equals)].Trim(Blanks);
            var value = text[(equals + (isDouble ? 2 : 1))..].Trim(Blanks);
            return New(key, not ? RequirementOperator.NotIn : RequirementOperator.In, [value]);
        }

        Requirement? ReadSet(string text)
        {
            var open = text.IndexOf('(', StringComparison.Ordinal);
            if (open < 0)
            {
                return null;
            }

            var words = text[..open].Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
            if (words is not [var key, "in" or "notin"] || text[^1] != ')')
            {
                return Fail($"\"{text}\": expected key in (a,b) or key notin (a,b)");
            }

            // "()" holds nothing, which no label can be; "(,)" holds the empty value.
            var inside = text[(open + 1)..^1];
            if (inside.Trim(Blanks).Length == 0)
            {
                return Fail($"\"{text}\": the parentheses hold no value");
            }

            var values = inside.Split(',').Select(value => value.Trim(Blanks)).ToArray();
            return New(key, words[1] == "in" ? RequirementOperator.In : RequirementOperator.NotIn, values);
        }

        Requirement New(string key, RequirementOperator kind, string[] values)
        {
            if (!Labels.IsKey(key, out var problem))
            {
                Fail(problem);
            }

            foreach (var value in values)
            {
                if (!Labels.IsValue(value, out problem))
                {
                    Fail(problem);
                }
            }

            return new(key, kind, values.ToImmutableSortedSet(StringComparer.Ordinal));
        }

        Requirement Fail(string problem)
        {
            problems.Add($"at character {position}: {problem}");
            return new("", RequirementOperator.Exists, []);
        }
    }
}

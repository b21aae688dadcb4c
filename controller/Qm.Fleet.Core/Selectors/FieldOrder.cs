using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Qm.Fleet.Core.Selectors;

/// <summary>One field to sort by.</summary>
/// <param name="Path">The field, as it was written.</param>
/// <param name="IsDescending">Whether the greatest comes first.</param>
public sealed record OrderTerm(string Path, bool IsDescending)
{
    /// <summary>The shortest way to write it.</summary>
    public override string ToString() => IsDescending ? $"{Path} desc" : Path;
}

/// <summary>How a list is sorted (AIP-132): fields separated by commas, the first decides, each with <c> desc</c> for the other way round.</summary>
/// <param name="Terms">Each field once; none for the order a list has by itself.</param>
public sealed record FieldOrder(ImmutableArray<OrderTerm> Terms)
{
    /// <summary>How many fields may be sorted by.</summary>
    public const int MaxTerms = 4;

    /// <summary>The longest order that is read.</summary>
    public const int MaxLength = 1024;

    private static readonly char[] Blanks = [' ', '\t'];

    /// <summary>Reads an order; an empty text is the order a list has by itself.</summary>
    /// <param name="text">The order.</param>
    /// <param name="order">What was read; null when there are problems.</param>
    /// <param name="problems">Everything that is wrong.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out FieldOrder? order, out IReadOnlyList<string> problems)
    {
        var found = new List<string>();
        var terms = ImmutableArray.CreateBuilder<OrderTerm>();
        var parts = string.IsNullOrWhiteSpace(text) ? [] : text.Split(',', MaxTerms + 2);
        if (text.Length > MaxLength || parts.Length > MaxTerms)
        {
            found.Add($"it is longer than the {MaxTerms} fields and {MaxLength} characters that are read");
            parts = [];
        }

        foreach (var part in parts)
        {
            var words = part.Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
            if (!FieldPaths.IsPath(words.FirstOrDefault() ?? "", out var problem))
            {
                found.Add(problem);
            }
            else if (words is not ([_] or [_, "asc" or "desc"]))
            {
                found.Add($"\"{part.Trim(Blanks)}\": behind a field stands nothing or desc");
            }
            else if (terms.Any(term => term.Path == words[0]))
            {
                found.Add($"{words[0]} stands there twice");
            }
            else
            {
                terms.Add(new(words[0], words is [_, "desc"]));
            }
        }

        problems = found;
        order = found.Count == 0 ? new(terms.ToImmutable()) : null;
        return order is not null;
    }

    /// <summary>The shortest way to write it.</summary>
    public override string ToString() => string.Join(',', Terms);
}

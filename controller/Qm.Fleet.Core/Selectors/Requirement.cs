using System.Collections.Immutable;

namespace Qm.Fleet.Core.Selectors;

/// <summary>How a requirement looks at a label.</summary>
public enum RequirementOperator
{
    /// <summary>The label is there.</summary>
    Exists = 1,

    /// <summary>The label is not there.</summary>
    DoesNotExist = 2,

    /// <summary>The label is there, with one of the values.</summary>
    In = 3,

    /// <summary>The label is not there, or has none of the values.</summary>
    NotIn = 4,
}

/// <summary>One condition of a selector.</summary>
/// <param name="Key">The label.</param>
/// <param name="Operator">How to look at it.</param>
/// <param name="Values">Sorted; empty for Exists and DoesNotExist.</param>
public sealed record Requirement(string Key, RequirementOperator Operator, ImmutableSortedSet<string> Values)
{
    /// <summary>Whether labels meet the condition.</summary>
    public bool Matches(IReadOnlyDictionary<string, string> labels) => Operator switch
    {
        RequirementOperator.Exists => labels.ContainsKey(Key),
        RequirementOperator.DoesNotExist => !labels.ContainsKey(Key),
        RequirementOperator.In => labels.TryGetValue(Key, out var value) && Values.Contains(value),
        _ => !labels.TryGetValue(Key, out var value) || !Values.Contains(value),
    };

    /// <summary>The shortest way to write it.</summary>
    public override string ToString() => (Operator, Values) switch
    {
        (RequirementOperator.Exists, _) => Key,
        (RequirementOperator.DoesNotExist, _) => "!" + Key,
        (RequirementOperator.In, [var one]) => $"{Key}={one}",
        (RequirementOperator.NotIn, [var one]) => $"{Key}!={one}",
        (RequirementOperator.In, _) => $"{Key} in ({string.Join(',', Values)})",
        _ => $"{Key} notin ({string.Join(',', Values)})",
    };

    /// <inheritdoc/>
    public bool Equals(Requirement? other) =>
        other is not null && Key == other.Key && Operator == other.Operator && Values.SetEquals(other.Values);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Key, Operator, Values.Count);
}

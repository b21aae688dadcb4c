using System.Diagnostics.CodeAnalysis;

namespace Qm.Fleet.Core.Environments;

/// <summary>Something wrong with an input.</summary>
/// <param name="Path">Where, from the resource: <c>spec.environment.resources.MemoryMax</c>.</param>
/// <param name="Message">What, why, and what was expected.</param>
/// <param name="Rule">The rule it breaks, such as QMF-R005; null for plain syntax.</param>
public sealed record Problem(string Path, string Message, string? Rule = null)
{
    /// <inheritdoc/>
    public override string ToString() => Rule is null ? $"{Path}: {Message}" : $"{Path}: {Message} ({Rule})";
}

/// <summary>An input that was checked: its value, or everything that is wrong with it.</summary>
/// <typeparam name="T">What was read.</typeparam>
public sealed class Parsed<T>
    where T : class
{
    /// <summary>A value, or problems; with problems the value does not count.</summary>
    /// <exception cref="ArgumentNullException">There is neither.</exception>
    public Parsed(T? value, IReadOnlyList<Problem> problems)
    {
        if (problems.Count == 0)
        {
            ArgumentNullException.ThrowIfNull(value);
        }

        Problems = problems;
        Draft = value;
        Value = problems.Count == 0 ? value : null;
    }

    /// <summary>What could be read, problems or not, with defaults where something was wrong; null when too little. Only to look for further problems.</summary>
    public T? Draft { get; }

    /// <summary>The value; null when there are problems.</summary>
    public T? Value { get; }

    /// <summary>Everything that is wrong, in the order of the input.</summary>
    public IReadOnlyList<Problem> Problems { get; }

    /// <summary>Whether there is a value.</summary>
    public bool IsValid([NotNullWhen(true)] out T? value)
    {
        value = Value;
        return value is not null;
    }
}

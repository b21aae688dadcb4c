using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Qm.Fleet.Core.Resources;

/// <summary>Limits of I/O, one for each device; equal when they say the same of the same paths.</summary>
/// <remarks>A device that is not named keeps what the node gives it: systemd adds assignments up, and replaces those of the same path.</remarks>
public sealed class DeviceLimits : IEquatable<DeviceLimits>
{
    /// <summary>No limit of a device.</summary>
    public const ulong Infinity = ulong.MaxValue;

    /// <summary>The most operations a second; the kernel counts them in 32 bits, and takes all of them set for no limit.</summary>
    public const ulong MostOperations = uint.MaxValue - 1;

    private const string Word = "infinity";
    private const string Separator = ", ";
    private const int PathBytesMax = 1024;

    /// <summary>Limits by path.</summary>
    /// <param name="byPath">Path of a block device, or of a file or directory on it -> limit, <see cref="Infinity"/> for none.</param>
    public DeviceLimits(ImmutableSortedDictionary<string, ulong> byPath) => ByPath = byPath.WithComparers(StringComparer.Ordinal);

    /// <summary>Limits by path, in the order of their bytes.</summary>
    public ImmutableSortedDictionary<string, ulong> ByPath { get; }

    /// <summary>One entry for each path, such as <c>/dev/sdf 50M</c>, K, M, G and T being powers of 1000.</summary>
    public IEnumerable<string> Entries => ByPath.Select(limit => $"{limit.Key} {Format(limit.Value)}");

    /// <summary>Reads what a unit file has behind one of the keys: <c>PATH LIMIT</c>.</summary>
    /// <param name="property">Which limit.</param>
    /// <param name="text">The text, such as <c>/dev/sdf 50M</c>.</param>
    /// <param name="path">The path.</param>
    /// <param name="limit">The limit, <see cref="Infinity"/> for none.</param>
    /// <param name="problem">What is wrong and what was expected; null when nothing is.</param>
    public static bool TryParseEntry(
        ResourceProperty property, string text, [NotNullWhen(true)] out string? path, out ulong limit, [NotNullWhen(false)] out string? problem)
    {
        var most = property is ResourceProperty.IOReadIOPSMax or ResourceProperty.IOWriteIOPSMax ? MostOperations : Infinity - 1;
        var unit = most == MostOperations ? "operations" : "bytes";
        var words = text.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        (path, limit, problem) = words switch
        {
            not [_, _] => (null, 0, $"\"{text}\" is not a device and its limit; expected such as /dev/sda 50M"),
            [var device, _] when PathProblem(device) is { } reason => (null, 0, $"\"{text}\": {reason}"),
            [var device, Word] => (device, Infinity, null),
            [_, var amount] when !Sizes.TryParse(amount, out var parsed, Sizes.Transfer) || parsed > most =>
                (null, 0, $"\"{text}\": \"{amount}\" is not a limit; expected {unit} a second with K, M, G or T (powers of 1000), or {Word}"),
            [_, var amount] when Sizes.TryParse(amount, out var none, Sizes.Transfer) && none == 0 =>
                (null, 0, $"\"{text}\" lets QM do no I/O at all, and the kernel refuses it; a limit is above 0"),
            [var device, var amount] => (device, Sizes.TryParse(amount, out var value, Sizes.Transfer) ? value : 0, (string?)null),
        };
        return problem is null;
    }

    /// <summary>Reads entries that <see cref="ToString"/> writes so.</summary>
    public static bool TryParse(ResourceProperty property, string text, [NotNullWhen(true)] out DeviceLimits? limits, [NotNullWhen(false)] out string? problem)
    {
        var byPath = ImmutableSortedDictionary.CreateBuilder<string, ulong>(StringComparer.Ordinal);
        foreach (var entry in text.Split(','))
        {
            if (!TryParseEntry(property, entry.Trim(), out var path, out var limit, out problem))
            {
                limits = null;
                return false;
            }

            byPath[path] = limit;
        }

        (limits, problem) = (new(byPath.ToImmutable()), null);
        return true;
    }

    /// <inheritdoc/>
    public bool Equals(DeviceLimits? other) => other is not null && ByPath.SequenceEqual(other.ByPath);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DeviceLimits);

    /// <inheritdoc/>
    public override int GetHashCode() => ByPath.Aggregate(17, HashCode.Combine);

    /// <summary>Every entry, separated by commas.</summary>
    public override string ToString() => string.Join(Separator, Entries);

    /// <summary>A limit in systemd's words.</summary>
    internal static string Format(ulong limit) => limit == Infinity ? Word : Sizes.Format(limit, Sizes.Transfer);

    // systemd expands % and quotes in unit files, and takes no path over D-Bus that is not in its shortest form; a comma separates entries here.
    private static string? PathProblem(string path) => path switch
    {
        not ['/', ..] => $"{path} is not an absolute path",
        { Length: > PathBytesMax } => $"the path is longer than {PathBytesMax} characters",
        _ when path.Any(letter => !char.IsAsciiLetterOrDigit(letter) && !"/._:+@=~-".Contains(letter, StringComparison.Ordinal)) =>
            $"{path} has other characters than letters, digits and /._:+@=~-",
        _ when path.Length > 1 && path[1..].Split('/').Any(part => part is "" or "." or "..") => $"{path} is not in its shortest form: no //, no . or .., no / at the end",
        _ => null,
    };
}

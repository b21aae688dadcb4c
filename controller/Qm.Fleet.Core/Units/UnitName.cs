using System.Diagnostics.CodeAnalysis;

namespace Qm.Fleet.Core.Units;

/// <summary>Names of systemd units (systemd.unit(5)) and of the workloads that become units inside QM.</summary>
public static class UnitName
{
    /// <summary>The longest unit name, in bytes.</summary>
    public const int MaxLength = 255;

    private static readonly string[] Suffixes =
        [".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".slice", ".scope"];

    // What QM's own operating system has under these names. A quadlet's unit lies in the generator's directory, which comes before
    // the vendor's, so that a workload of the same name would take its place.
    private static readonly string[] Reserved = ["dbus", "dbus-broker", "emergency", "podman", "qm", "rescue"];
    private static readonly string[] ReservedPrefixes = ["bluechi-", "dbus-org.", "podman-", "systemd-"];

    /// <summary>Whether a text is a full unit name: prefix of letters, digits and <c>:-_.\@</c> that does not begin with <c>@</c>, known suffix, at most 255 bytes.</summary>
    public static bool IsValid(string name, [NotNullWhen(false)] out string? problem)
    {
        problem = name switch
        {
            { Length: 0 or > MaxLength } => $"a unit name has 1 to {MaxLength} characters",
            _ when !name.All(character => char.IsAsciiLetterOrDigit(character) || ":-_.\\@".Contains(character)) =>
                $"\"{Show(name)}\" holds characters that unit names do not; allowed are letters, digits and :-_.\\@",
            ['@', ..] => $"\"{name}\" has nothing before '@'",
            _ when !Array.Exists(Suffixes, suffix => name.EndsWith(suffix, StringComparison.Ordinal) && name.Length > suffix.Length) =>
                $"\"{name}\" has no unit suffix such as .service",
            _ => null,
        };
        return problem is null;
    }

    /// <summary>Whether a unit name is a template such as <c>getty@.service</c>, which never runs itself.</summary>
    public static bool IsTemplate(string name) => name.IndexOf('@', StringComparison.Ordinal) is > 0 and var at && at == name.LastIndexOf('.') - 1;

    /// <summary>Whether a text names a workload: a-z, 0-9, <c>-</c>, <c>_</c> and <c>.</c> inside, at most 63 characters, not a unit QM itself needs.</summary>
    public static bool IsValidWorkload(string name, [NotNullWhen(false)] out string? problem)
    {
        problem = name switch
        {
            { Length: 0 or > 63 } => "a workload's name has 1 to 63 characters",
            _ when !name.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || "-_.".Contains(character))
                || !char.IsAsciiLetterOrDigit(name[0]) || !char.IsAsciiLetterOrDigit(name[^1]) =>
                $"\"{Show(name)}\" is not a workload's name; expected a-z, 0-9, '-', '_' and '.', beginning and ending with a letter or digit",
            _ when Reserved.Contains(name) || Array.Exists(ReservedPrefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal)) =>
                $"\"{name}\" would hide {name}.service of QM's own operating system; choose another name",
            _ => null,
        };
        return problem is null;
    }

    private static string Show(string text) => string.Concat(text.Select(character => char.IsControl(character) ? '?' : character));
}

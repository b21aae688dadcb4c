using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Qm.Fleet.Core.Environments;

/// <summary>What podman calls a workload's container: ContainerName of its quadlet, with systemd's specifiers put in, else <c>systemd-</c> and its name.</summary>
public static class ContainerName
{
    private const int MaxLength = 255;

    /// <summary>The name of a workload's container.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="name">What podman calls it.</param>
    /// <param name="problem">Why nobody can tell before it runs.</param>
    public static bool TryGet(Workload workload, [NotNullWhen(true)] out string? name, [NotNullWhen(false)] out string? problem)
    {
        // The last value counts, and an empty one takes back what stands before it.
        var declared = workload.Quadlet.GetValueOrDefault("Container")?.GetValueOrDefault("ContainerName", []) is [.., { Length: > 0 } last] ? last : "systemd-%N";
        name = Expand(declared, workload.Name);
        problem = name is null ? $"the quadlet's ContainerName {declared} is known only once the container runs; name it without specifiers other than %N, %n and %p"
            : IsValid(name) ? null
            : $"the quadlet's ContainerName {name} is no name that podman takes";
        name = problem is null ? name : null;
        return problem is null;
    }

    /// <summary>Whether podman takes a text as a container's name: letters, digits and <c>_.-</c>, the first a letter or digit.</summary>
    public static bool IsValid(string name) => name.Length is > 0 and <= MaxLength && char.IsAsciiLetterOrDigit(name[0])
        && name.All(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '.' or '-');

    private static string? Expand(string declared, string workload)
    {
        var text = new StringBuilder();
        for (var at = 0; at < declared.Length; at++)
        {
            if (declared[at] != '%')
            {
                text.Append(declared[at]);
                continue;
            }

            at++;
            var value = at == declared.Length ? null : declared[at] switch
            {
                // A workload is no instance of a template, so that prefix and name are one.
                'N' or 'p' => workload,
                'n' => workload + ".service",
                '%' => "%",
                _ => null,
            };
            if (value is null)
            {
                return null;
            }

            text.Append(value);
        }

        return text.ToString();
    }
}

using System.Globalization;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>What a node is made of, in a few fields; what is unknown is left out.</summary>
internal static class FactsText
{
    private const int DigestLength = 12;

    /// <summary>Name and value of each field that says something.</summary>
    internal static IEnumerable<(string Name, string Value)> Of(Facts? facts, Machine? machine)
    {
        (string Name, IEnumerable<string?> Parts)[] fields =
        [
            ("Machine", [
                machine is { MemoryBytes: > 0 } ? $"RAM {UsageText.Size(machine.MemoryBytes)}" : null,
                machine is { Cpus.Length: > 0 } ? $"CPUs {machine.Cpus}" : null,
                Part("kernel", facts?.Kernel),
            ]),
            ("System", [
                facts?.Os,
                Part("QM", facts?.QmOs),
                facts is { QmQuadletSha256.Length: > 0 } ? $"qm.container {facts.QmQuadletSha256[..Math.Min(DigestLength, facts.QmQuadletSha256.Length)]}" : null,
            ]),
            ("Programs", [Part("systemd", facts?.Systemd), Part("Podman", facts?.Podman), Part("bluechi-agent", facts?.BluechiAgent)]),
            ("Isolation", [
                facts is { CgroupVersion: > 0 } ? string.Create(CultureInfo.InvariantCulture, $"cgroup v{facts.CgroupVersion}") : null,
                facts is null ? null : facts.Pressure ? "PSI" : "no PSI",
                facts is { Selinux: not Facts.Types.Selinux.Unspecified } ? $"SELinux {facts.Selinux.ToString().ToLowerInvariant()}" : null,
                facts is { HasEtcTransient: true } ? facts.EtcTransient ? "/etc is lost at a reboot" : "/etc lasts" : null,
                facts is { HasUsrReadOnly: true } ? facts.UsrReadOnly ? "/usr read-only" : "/usr writable" : null,
            ]),
        ];
        return from field in fields
               let value = string.Join("   ", field.Parts.Where(part => !string.IsNullOrEmpty(part)))
               where value.Length > 0
               select (field.Name, value);
    }

    private static string? Part(string name, string? value) => string.IsNullOrEmpty(value) ? null : $"{name} {value}";
}

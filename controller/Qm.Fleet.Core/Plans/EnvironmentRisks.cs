using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.Plans;

/// <summary>What of an environment is risky wherever it runs.</summary>
internal static class EnvironmentRisks
{
    private const string Environment = "spec.environment";

    internal static IEnumerable<Finding> Of(FleetEnvironment environment)
    {
        if (environment.Resources.GetValueOrDefault(ResourceProperty.MemoryMax) is null or ResourceValue.Infinity)
        {
            yield return Of(Finding.UnlimitedMemory, $"{Environment}.resources.MemoryMax", "MemoryMax is not set, so QM may take all memory of a node before anything in it is killed");
        }

        foreach (var finding in environment.Workloads.SelectMany(Of))
        {
            yield return finding;
        }
    }

    // Keys of quadlet's [Container] and the options of podman run that say the same.
    private static IEnumerable<Finding> Of(Workload workload)
    {
        var path = $"{Environment}.workloads[{workload.Name}].quadlet.Container";
        var options = Values(workload, "PodmanArgs").SelectMany(value => value.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        var added = Values(workload, "AddCapability").Concat(Option(options, "--cap-add")).Concat(options.Where(option => option is "--privileged" or "--privileged=true")).ToArray();
        if (added.Length > 0)
        {
            yield return Of(Finding.Capabilities, $"{path}.AddCapability", $"workload {workload.Name} is given {string.Join(", ", added)}, which QM takes from everything in it for a reason");
        }

        var unmasked = Values(workload, "Unmask").Concat(Option(options, "--security-opt").Where(value => value.StartsWith("unmask=", StringComparison.Ordinal)).Select(value => value["unmask=".Length..])).ToArray();
        if (unmasked.Length > 0)
        {
            yield return Of(Finding.Unmasked, $"{path}.Unmask", $"workload {workload.Name} sees {string.Join(", ", unmasked)} of the kernel, which Podman hides from containers");
        }

        if (Values(workload, "Network").Concat(Option(options, "--network")).Concat(Option(options, "--net")).Any(network => network is "host"))
        {
            yield return Of(Finding.HostNetwork, $"{path}.Network", $"workload {workload.Name} shares QM's network, so it reaches what listens there and may take its ports");
        }

        if (Values(workload, "SeccompProfile").Any(profile => profile is "unconfined") || Option(options, "--security-opt").Any(value => value is "seccomp=unconfined"))
        {
            yield return Of(Finding.NoSeccomp, $"{path}.SeccompProfile", $"workload {workload.Name} may make any system call");
        }

        if (Values(workload, "SecurityLabelDisable").Any(IsTrue) || Option(options, "--security-opt").Any(value => value is "label=disable"))
        {
            yield return Of(Finding.NoSelinux, $"{path}.SecurityLabelDisable", $"workload {workload.Name} is not held by SELinux");
        }
    }

    private static IEnumerable<string> Values(Workload workload, string key) => workload.Quadlet.GetValueOrDefault("Container")?.GetValueOrDefault(key) is { IsDefault: false } values ? values.Where(value => value.Length > 0) : [];

    // Both ways of writing an option: --net=host and --net host.
    private static IEnumerable<string> Option(string[] options, string name) => options.Select((option, index) =>
        option.StartsWith(name + "=", StringComparison.Ordinal) ? option[(name.Length + 1)..] : option == name && index + 1 < options.Length ? options[index + 1] : null).OfType<string>();

    // As systemd's parser of booleans has it.
    private static bool IsTrue(string value) => value.ToLowerInvariant() is "1" or "yes" or "y" or "true" or "t" or "on";

    private static Finding Of(string rule, string path, string message) => new(rule, Severity.Warning, path, ImmutableArray<string>.Empty, message);
}

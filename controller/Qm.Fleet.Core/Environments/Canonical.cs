using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.Environments;

/// <summary>The one way to write an environment; its hash names the revision.</summary>
/// <remarks>Order of keys, comments and equal sizes in other units make no difference; anything that changes the meaning does.</remarks>
public static class Canonical
{
    /// <summary>How much of the hash names a revision.</summary>
    public const int NameLength = 8;

    /// <summary>SHA-256 of the canonical text, 64 lower-case hex digits.</summary>
    public static string Hash(FleetEnvironment environment) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Write(environment))));

    /// <summary>One line for each value, <c>path = length:value</c>; the length keeps a value from looking like two.</summary>
    public static string Write(FleetEnvironment environment) => Fields(environment)
        .Aggregate(new StringBuilder(), (text, field) => text.Append(CultureInfo.InvariantCulture, $"{field.Path} = {field.Value.Length}:{field.Value}\n")).ToString();

    /// <summary>Every value with its path below <c>environment</c>, in the one order; a key with several values comes several times, and a workload has an empty one of its own.</summary>
    public static IEnumerable<(string Path, string Value)> Fields(FleetEnvironment environment)
    {
        yield return ("rootfs", environment.RootfsPreinstalled ? "preinstalled" : "");
        if (environment.RootfsArchive is { } archive)
        {
            // The address too: a revision that failed for a wrong one must become another when it is put right.
            yield return ("rootfs.archive.sha256", archive.Sha256);
            if (!archive.IsOfController)
            {
                yield return ("rootfs.archive.url", archive.Url.Reveal());
            }
        }

        foreach (var field in environment.Resources.SelectMany(Of)
            .Concat(Number("oom.qm", environment.Oom.Qm))
            .Concat(Number("oom.nested", environment.Oom.Nested))
            .Concat(environment.Oom.Asil.SelectMany(score => Number($"oom.asil[{score.Key}]", score.Value)))
            .Concat(environment.HostAgent.Select(setting => ($"bluechi.host.{setting.Key}", setting.Value)))
            .Concat(environment.QmAgent.Select(setting => ($"bluechi.qm.{setting.Key}", setting.Value)))
            .Concat(environment.Workloads.SelectMany(Of)))
        {
            yield return field;
        }

        // Heal is how every environment was written that says nothing of it.
        if (environment.Drift == DriftPolicy.Report)
        {
            yield return ("drift", "report");
        }
    }

    private static IEnumerable<(string Path, string Value)> Of(KeyValuePair<ResourceProperty, ResourceValue> limit) =>
        (limit.Value is ResourceValue.Devices devices ? devices.Limits.Entries : [limit.Value.ToString()]).Select(value => ($"resources.{limit.Key}", value));

    private static IEnumerable<(string Path, string Value)> Of(Workload workload)
    {
        var path = $"workloads[{workload.Name}]";
        return Number($"{path}.oomScoreAdjust", workload.OomScoreAdjust)
            .Concat(from section in workload.Quadlet from key in section.Value from value in key.Value select ($"{path}.quadlet.{section.Key}.{key.Key}", value))
            .Concat(workload.LivenessProbe is { } probe ? Of(probe, $"{path}.livenessProbe") : [])
            .Prepend((path, ""));
    }

    private static IEnumerable<(string Path, string Value)> Of(LivenessProbe probe, string path) => (probe.Action switch
    {
        ProbeAction.Exec exec => exec.Command.Select(word => ($"{path}.exec.command", word)),
        ProbeAction.TcpSocket tcp => Number($"{path}.tcpSocket.port", tcp.Port).Append(($"{path}.tcpSocket.host", tcp.Host)),
        ProbeAction.UnixSocket unix => [($"{path}.unixSocket.path", unix.Path)],
        ProbeAction.HeartbeatFile file => Number($"{path}.heartbeatFile.maxAgeSeconds", file.MaxAgeSeconds).Prepend(($"{path}.heartbeatFile.path", file.Path)),
        var other => throw new ArgumentOutOfRangeException(nameof(probe), other, "an action that is not written down"),
    })
        .Concat(Number($"{path}.initialDelaySeconds", probe.InitialDelaySeconds))
        .Concat(Number($"{path}.periodSeconds", probe.PeriodSeconds))
        .Concat(Number($"{path}.timeoutSeconds", probe.TimeoutSeconds))
        .Concat(Number($"{path}.successThreshold", probe.SuccessThreshold))
        .Concat(Number($"{path}.failureThreshold", probe.FailureThreshold));

    private static IEnumerable<(string Path, string Value)> Number(string path, int? value) =>
        value is { } number ? [(path, number.ToString(CultureInfo.InvariantCulture))] : [];
}

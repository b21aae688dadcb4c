using System.Globalization;
using System.Security.Cryptography;
using System.Text;

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
    public static string Write(FleetEnvironment environment)
    {
        var text = new StringBuilder();
        Line("rootfs", environment.RootfsPreinstalled ? "preinstalled" : "");
        if (environment.RootfsArchive is { } archive)
        {
            // The address too: a revision that failed for a wrong one must become another when it is put right.
            Line("rootfs.archive.sha256", archive.Sha256);
            Line("rootfs.archive.url", archive.Url);
        }

        foreach (var (property, value) in environment.Resources)
        {
            Line($"resources.{property}", value.ToString());
        }

        Number("oom.qm", environment.Oom.Qm);
        Number("oom.nested", environment.Oom.Nested);
        foreach (var (unit, score) in environment.Oom.Asil)
        {
            Number($"oom.asil[{unit}]", score);
        }

        foreach (var (key, value) in environment.HostAgent)
        {
            Line($"bluechi.host.{key}", value);
        }

        foreach (var (key, value) in environment.QmAgent)
        {
            Line($"bluechi.qm.{key}", value);
        }

        foreach (var workload in environment.Workloads)
        {
            var path = $"workloads[{workload.Name}]";
            Line(path, "");
            Number($"{path}.oomScoreAdjust", workload.OomScoreAdjust);
            foreach (var (section, keys) in workload.Quadlet)
            {
                foreach (var (key, values) in keys)
                {
                    foreach (var value in values)
                    {
                        Line($"{path}.quadlet.{section}.{key}", value);
                    }
                }
            }
        }

        // Heal is how every environment was written that says nothing of it.
        if (environment.Drift == DriftPolicy.Report)
        {
            Line("drift", "report");
        }

        return text.ToString();

        void Line(string path, string value) => text.Append(CultureInfo.InvariantCulture, $"{path} = {value.Length}:{value}\n");

        void Number(string path, int? value)
        {
            if (value is { } number)
            {
                Line(path, number.ToString(CultureInfo.InvariantCulture));
            }
        }
    }
}

using System.Diagnostics;
using Xunit;

namespace Qm.Fleet.Core.Tests.Units;

/// <summary>Podman's own quadlet generator, where the machine has one or <c>QMFLEET_QUADLET</c> names one: the judge of how quadlets are merged.</summary>
internal static class QuadletProgram
{
    /// <summary>Why a test is skipped; stands in .ci/allowed-skips, because Debian 12 has no Podman that brings one.</summary>
    private const string NotHere = "there is no quadlet generator on this machine, and QMFLEET_QUADLET names none";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly string?[] Places =
        [Environment.GetEnvironmentVariable("QMFLEET_QUADLET"), "/usr/libexec/podman/quadlet", "/usr/lib/systemd/system-generators/podman-system-generator"];

    /// <summary>Skips the test where there is none.</summary>
    public static void Require() => Assert.SkipWhen(Path is null, NotHere);

    /// <summary>The unit it makes of a quadlet, empty when it makes none, and what it says.</summary>
    /// <param name="unit">The unit's name.</param>
    /// <param name="directories">Directories of quadlets, the strongest first.</param>
    public static (string Text, string Errors) Generate(string unit, IEnumerable<string> directories)
    {
        Require();
        var start = new ProcessStartInfo(Path!, ["-dryrun"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment = { ["QUADLET_UNIT_DIRS"] = string.Join(':', directories) },
        };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!Task.WaitAll([output, errors], Deadline))
        {
            process.Kill();
            Assert.Fail($"{Path} did not end within {Deadline.TotalSeconds} s");
        }

        return (output.Result.Split($"---{unit}---\n") is [_, var text] ? text.Split("\n---")[0] : "", errors.Result);
    }

    private static string? Path => Array.Find(Places, File.Exists);
}

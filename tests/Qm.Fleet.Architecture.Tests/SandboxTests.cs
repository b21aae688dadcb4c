using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Qm.Fleet.Architecture.Tests;

/// <summary>The daemons' units take from them what they do not need; what they keep is explained where it is kept.</summary>
[Trait("Requirement", "QMF-SANDBOX-001")]
public sealed partial class SandboxTests
{
    private const string Controller = "deploy/systemd/qm-fleet-controller.service";
    private const string Agent = "deploy/systemd/qm-fleet-agent.service";

    // systemd.exec(5): what a unit of ours has, or says why not.
    private static readonly Dictionary<string, string> Wanted = new(StringComparer.Ordinal)
    {
        ["User"] = "(?!root$).+",
        ["CapabilityBoundingSet"] = "",
        ["NoNewPrivileges"] = "yes",
        ["ProtectSystem"] = "strict",
        ["ProtectHome"] = "yes",
        ["PrivateTmp"] = "yes",
        ["PrivateDevices"] = "yes",
        ["PrivateNetwork"] = "yes",
        ["PrivateUsers"] = "yes",
        ["ProtectClock"] = "yes",
        ["ProtectControlGroups"] = "yes",
        ["ProtectHostname"] = "yes",
        ["ProtectKernelLogs"] = "yes",
        ["ProtectKernelModules"] = "yes",
        ["ProtectKernelTunables"] = "yes",
        ["ProtectProc"] = "invisible|noaccess|ptraceable",
        ["ProcSubset"] = "pid",
        ["LockPersonality"] = "yes",
        ["MemoryDenyWriteExecute"] = "yes",
        ["RestrictNamespaces"] = "yes",
        ["RestrictRealtime"] = "yes",
        ["RestrictSUIDSGID"] = "yes",
        ["RestrictAddressFamilies"] = "none|AF_UNIX",
        ["IPAddressDeny"] = "any",
        ["SystemCallArchitectures"] = "native",
        ["SystemCallFilter"] = "@system-service",
        ["UMask"] = "0077",
        ["StateDirectoryMode"] = "0700",
    };

    [Fact]
    public async Task Controller_AsSystemdAnalyzesIt_IsExposedAtMost2_5() => Assert.InRange(await ExposureAsync(Controller), 0, 2.5);

    // Most of what it keeps is what its job is: files of root below /etc, other processes' /proc, the kernel log, QM's namespaces.
    [Fact]
    public async Task Agent_AsSystemdAnalyzesIt_IsExposedNoMoreThanItsJobAsksFor() => Assert.InRange(await ExposureAsync(Agent), 0, 4.5);

    [Theory]
    [InlineData(Controller)]
    [InlineData(Agent)]
    public void Unit_WhateverItKeeps_SaysWhyInAComment(string unit)
    {
        var lines = File.ReadAllLines(Path.Combine(Repository.Root, unit));
        var set = lines.Select(line => Directive().Match(line)).Where(match => match.Success).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        var kept = Wanted.Where(wanted => !set.TryGetValue(wanted.Key, out var value) || !Regex.IsMatch(value, $"^(?:{wanted.Value})$")).Select(wanted => wanted.Key).ToList();

        Assert.NotEmpty(kept);
        Assert.All(kept, name => Assert.True(IsExplained(lines, name), $"{unit}: {name} is relaxed or missing, and no comment says why"));
    }

    // In a comment that names it, or in that right above it.
    private static bool IsExplained(string[] lines, string name) =>
        Array.Exists(lines, line => line.StartsWith('#') && Regex.IsMatch(line, $@"\b{name}\b"))
        || (Array.FindIndex(lines, line => line.StartsWith($"{name}=", StringComparison.Ordinal)) is > 0 and var at && lines[at - 1].StartsWith('#'));

    private static async Task<double> ExposureAsync(string unit)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "systemd-analyze is not installed");
        using var analyze = Process.Start(new ProcessStartInfo("/usr/bin/systemd-analyze", ["security", "--offline=true", "--no-pager", Path.Combine(Repository.Root, unit)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (output, errors) = (analyze.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), analyze.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await analyze.WaitForExitAsync(TestContext.Current.CancellationToken);
        var text = await output + await errors;
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Assert.SkipWhen(text.Contains("unrecognized option", StringComparison.Ordinal), "this systemd-analyze is older than 250 and looks at no files");
        var level = Level().Match(text);
        Assert.True(level.Success, text);
        return double.Parse(level.Groups[1].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^([A-Za-z]+)=(.*)$")]
    private static partial Regex Directive();

    [GeneratedRegex(@"Overall exposure level for \S+: ([0-9.]+)")]
    private static partial Regex Level();
}

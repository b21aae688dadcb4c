using System.Text;
using System.Text.Json;
using Qm.Fleet.Agent.Checks;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Facts;
using Qm.Fleet.Agent.Tests.Checks;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Agent.Tests.Fuzz;

/// <summary>Whatever stands in the files of a node, the agent reports what it can read and says what it cannot; it never ends, and never hangs.</summary>
[Trait("Requirement", "QMF-AGENT-009")]
public sealed class NodeFuzzTests
{
    private const int Rounds = 1_500;
    private const int Texts = 20_000;
    private static readonly int Seed = Environment.GetEnvironmentVariable("QMFLEET_FUZZ_SEED") is { Length: > 0 } seed ? int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();

    [Fact]
    public async Task Report_AnyFilesDamaged_IsAReport()
    {
        using var node = GoldenNode.Make();
        using (var agent = node.Open())
        {
            await agent.Revisions.CommitAsync(Sample.New);
        }

        var files = Directory.EnumerateFiles(node.Root, "*", SearchOption.AllDirectories).Where(path => new FileInfo(path).LinkTarget is null && !path.Contains("/var/lib/qm-fleet/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).ToDictionary(path => path, File.ReadAllBytes, StringComparer.Ordinal);
        var names = files.Keys.ToArray();
        var (damage, whole) = (new Damage(Seed), Look(node));
        for (var round = 0; round < Rounds; round++)
        {
            var damaged = Enumerable.Range(0, 1 + damage.Below(3)).Select(_ => names[damage.Below(names.Length)]).Distinct().ToArray();
            foreach (var path in damaged)
            {
                await File.WriteAllBytesAsync(path, damage.Do(files[path]), TestContext.Current.CancellationToken);
            }

            Try(() => Look(node), () => $"round {round}: {string.Join(", ", damaged.Select(path => $"{path[node.Root.Length..]} = {Convert.ToBase64String(File.ReadAllBytes(path))}"))}");
            foreach (var path in damaged)
            {
                await File.WriteAllBytesAsync(path, files[path], TestContext.Current.CancellationToken);
            }
        }

        Assert.Equal(whole, Look(node));
    }

    // QM writes its own /etc: what is wrong there must not end an agent of the host.
    [Theory]
    [InlineData("etc/qm/containers/containers.conf", "[containers]\nx = \"\\")]
    [InlineData("etc/qm/containers/containers.conf.d/99.conf", "x = \"\"\"\\")]
    [InlineData("etc/qm/containers/containers.conf.d/99.conf", "\"\\")]
    public void Report_ContainersConfThatEndsInABackslash_IsTold(string path, string content)
    {
        using var node = GoldenNode.Make();
        node.Write(path, content);

        Assert.Contains(Look(node), problem => problem.Contains($"/{path} is no valid containers.conf"));
    }

    [Theory]
    [InlineData("30 1 253:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n31 30 0:22 /a\\040b /run rw - tmpfs tmpfs rw\n", nameof(MountTable))]
    [InlineData("some avg10=0.00 avg60=1.50 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", nameof(KernelStatistics))]
    [InlineData("8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n", nameof(KernelStatistics.SumOfDevices))]
    [InlineData("Environment=\"ROOTFS=/usr/lib/qm/rootfs\" 'A=b c' D=\\x41", nameof(EnvironmentLines))]
    [InlineData(GoldenNode.SeccompText, nameof(SeccompProfile))]
    [InlineData("PASSWORD=hunter2 token: abc https://user:secret@host/ -----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", nameof(Redactor))]
    public void Parse_AnyText_Ends(string text, string parser)
    {
        var (damage, bytes) = (new Damage(Seed), Encoding.UTF8.GetBytes(text));
        for (var round = 0; round < (parser == nameof(Redactor) ? Texts / 20 : Texts); round++)
        {
            var damaged = Encoding.UTF8.GetString(damage.Do(bytes));
            Try(() => Parse(damaged, parser), () => $"round {round}: {damaged}");
        }
    }

    private static object? Parse(string text, string parser) => parser switch
    {
        nameof(MountTable) => Persistence.IsTransient(MountTable.Parse(text), "/etc/containers/systemd"),
        nameof(KernelStatistics) => KernelStatistics.ReadPressure(text) as object ?? KernelStatistics.FlatKeyed(text).ToArray(),
        nameof(KernelStatistics.SumOfDevices) => KernelStatistics.SumOfDevices(text, "rbytes"),
        nameof(EnvironmentLines) => EnvironmentLines.Parse(text.Split('\n')),
        nameof(SeccompProfile) => Gaps(text),
        _ => Redactor.Redact(text).Text,
    };

    private static string Gaps(string text)
    {
        try
        {
            return string.Join(' ', SeccompProfile.SetSchedulerGaps(text).Concat(SeccompProfile.SetAttributeGaps(text)));
        }
        catch (JsonException e)
        {
            // As it says of what is no profile.
            return e.Message;
        }
    }

    // What cannot be read is told in the report.
    private static Google.Protobuf.Collections.RepeatedField<string> Look(EmulatedNode node)
    {
        using var agent = node.Open();
        var report = agent.Reporter.Read();
        GoldenNode.Check(node, report);
        return report.Problems;
    }

    private static void Try(Func<object?> look, Func<string> what)
    {
        if (Record.Exception(() => look()) is { } exception)
        {
            Assert.Fail($"QMFLEET_FUZZ_SEED={Seed}: {exception}\n{what()}");
        }
    }
}

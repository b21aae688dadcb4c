using System.Text;
using CsCheck;
using Qm.Fleet.Core.BlueChiConf;
using Xunit;

namespace Qm.Fleet.Core.Tests.BlueChiConf;

/// <summary>The installed bluechi-agent judges our reading of its files: it tells the configuration it came to before it does anything else.</summary>
[Trait("Requirement", "QMF-LINK-001")]
public sealed class RealAgentTests
{
    private const int Cases = 200;

    private static readonly Gen<Installed> Files = Gen.Select(ConfText.File, ConfText.File.Null(), Gen.Dictionary(Gen.OneOf("10-a.conf", "agent.conf", "zz.conf"), ConfText.File)[0, 3])
        .Select((vendor, main, dropIns) => new Installed(vendor, main, dropIns));

    [Fact]
    public async Task Merge_AnyFiles_IsWhatTheRealAgentStartsWith()
    {
        var generated = Files.Array[Cases].Single();
        var told = await RealAgent.ConfigurationsAsync(generated, TestContext.Current.CancellationToken);

        Assert.Equal(Cases, told.Count);
        foreach (var (files, expected) in generated.Zip(told))
        {
            Assert.Equal(expected, Merged(files));
        }

        // Damage is rare enough that whole configurations are judged, too.
        Assert.InRange(told.Count(configuration => configuration is not null), Cases / 10, Cases);
    }

    private static string? Merged(Installed files)
    {
        var conf = EffectiveConf.Merge("bluechi-agent", File("/usr/share/bluechi-agent/config/agent.conf", files.Vendor),
            files.Main is null ? null : File("/etc/bluechi/agent.conf", files.Main), files.DropIns.Select(file => File($"/etc/bluechi/agent.conf.d/{file.Key}", file.Value)));
        return conf.FatalBecause is null
            ? string.Join('\n', RealAgent.Judged.Where(conf.Values.ContainsKey).Select(key => $"{key}={conf.Values[key].Value}"))
            : null;
    }

    private static ConfFile File(string path, string text) => new(path, Encoding.UTF8.GetBytes(text));
}

/// <summary>The files of one agent.</summary>
internal sealed record Installed(string Vendor, string? Main, Dictionary<string, string> DropIns);

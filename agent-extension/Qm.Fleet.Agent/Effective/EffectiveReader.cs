using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.BlueChiConf;
using Qm.Fleet.Core.Effective;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Effective;

/// <summary>Where the settings of a node come from.</summary>
/// <param name="Settings">Of qm.service, then of both BlueChi agents, then of QM's containers.conf.</param>
/// <param name="Vendor">The path of the vendor's quadlet where that is the one in force, with what became of it; null where it is not.</param>
/// <param name="Findings">What was left out, or has no effect, a sentence each.</param>
internal sealed record EffectiveReading(IReadOnlyList<EffectiveSetting> Settings, (string Path, string Description)? Vendor, IReadOnlyList<string> Findings);

/// <summary>Reads the files of a node and merges them as those who read them do; what cannot be read is told, and never guessed.</summary>
/// <param name="root">The node.</param>
internal sealed class EffectiveReader(NodeRoot root)
{
    /// <summary>Reads everything anew.</summary>
    /// <param name="owned">The files that the agent wrote.</param>
    public EffectiveReading Read(IReadOnlySet<string> owned)
    {
        using var look = root.ForOneLook();
        var findings = new Findings(look);
        var files = new EffectiveFiles(look, findings);
        var quadlet = files.First(QuadletSources.MainPaths);
        var dropIns = files.DropIns(UnitSearch.QuadletDropInDirectories(QuadletSources.FileName), isSystemd: false);
        List<string> problems = [];
        var unit = new UnitSources
        {
            Quadlet = Parse(quadlet),
            QuadletDropIns = [.. dropIns.Select(file => UnitFile.Parse(file.Text, file.Path))],
            Generated = Parse(files.First([$"{UnitSearch.GeneratorDirectory}/{QmNode.Unit}"])),
            Main = Parse(files.First(UnitSearch.BeforeGenerator.Select(directory => $"{directory}/{QmNode.Unit}"))),
            DropIns = [.. files.DropIns(UnitSearch.UnitDropInDirectories(QmNode.Unit), isSystemd: true).Select(file => UnitFile.Parse(file.Text, file.Path))],
        }.Merge(problems);
        problems.ForEach(findings.Add);

        List<EffectiveSetting> settings = [.. EffectiveSetting.OfUnit(unit, owned.Contains)];
        settings.AddRange(Agent(ConfigurationOf.HostAgent, () => AgentConfEvidence.ReadHost(look, findings), path => path.StartsWith("/usr/", StringComparison.Ordinal), owned, findings));
        if (quadlet is not null && Paths(new QuadletSources(quadlet, dropIns), findings) is { } paths)
        {
            bool IsVendors(string path) => path.StartsWith($"{paths.Rootfs}/", StringComparison.Ordinal);
            settings.AddRange(Agent(ConfigurationOf.QmAgent, () => AgentConfEvidence.ReadQm(look, paths, findings), IsVendors, owned, findings));
            settings.AddRange(Nested(NestedDefault.Chain(look, paths, findings), IsVendors, owned));
        }

        var vendor = quadlet is { Path: var path } && path.StartsWith("/usr/", StringComparison.Ordinal)
            ? (path, VendorQuadlet.Recognise(UnitFile.Parse(quadlet.Text, path)).Description) : default((string, string)?);
        return new(settings, vendor, findings.Problems);
    }

    private static UnitFile? Parse(QuadletSource? file) => file is null ? null : UnitFile.Parse(file.Text, file.Path);

    private static IEnumerable<EffectiveSetting> Agent(
        ConfigurationOf subject, Func<AgentConf> read, Func<string, bool> isVendors, IReadOnlySet<string> owned, Findings findings)
    {
        try
        {
            return EffectiveSetting.OfAgent(subject, read(), path => ConfigurationLayers.OfFile(path, isVendors(path), owned.Contains(path)));
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}, so what {(subject == ConfigurationOf.HostAgent ? "the host's" : "QM's")} BlueChi agent starts with is unknown.");
            return [];
        }
    }

    private static IEnumerable<EffectiveSetting> Nested(IReadOnlyList<(string Path, int Score)> chain, Func<string, bool> isVendors, IReadOnlySet<string> owned) =>
        chain.Count == 0 ? [] :
        [
            new(ConfigurationOf.Containers, NestedDefault.Table, NestedDefault.Key, IsList: false,
            [
                .. chain.Select((found, index) => new EffectiveAssignment(
                    $"{found.Score}", found.Path, 0, ConfigurationLayers.OfFile(found.Path, isVendors(found.Path), owned.Contains(found.Path)), Counts: index == 0)),
            ]),
        ];

    private static QmPaths? Paths(QuadletSources sources, Findings findings)
    {
        try
        {
            return QmPaths.From(sources);
        }
        catch (CommandRefusedException e)
        {
            findings.Add($"{e.Message} So nothing inside QM was looked at.");
            return null;
        }
    }
}

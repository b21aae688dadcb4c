using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Tomlyn.Serialization;

namespace Qm.Fleet.Agent.Checks;

/// <summary>The cgroup settings the next container inside QM gets: QM's containers.conf and its drop-ins, in the order Podman reads them.</summary>
internal static class NestedCgroupConf
{
    private const string DropIns = "/containers/containers.conf.d";

    /// <summary>Reads them; of several files the last that sets them counts.</summary>
    /// <exception cref="FactMissingException">A file is no TOML, or QM has no /etc.</exception>
    /// <exception cref="NodeFileException">A file cannot be read, or there are too many.</exception>
    public static IReadOnlyList<string> Read(NodeFacts facts)
    {
        using var etc = facts.Within(facts.Paths.Etc);
        return ConfFiles.Names(etc, facts.Paths.Etc, DropIns).Select(name => $"{DropIns}/{name}")
            .Prepend("/containers/containers.conf").Select(path => ReadOne(etc, path)).LastOrDefault(conf => conf is not null) ?? [];
    }

    private static string[]? ReadOne(NodeRoot etc, string path)
    {
        try
        {
            return etc.ReadText(path, ConfFiles.FileBytesMax) is { } text
                ? ContainersConfText.Read(text, CgroupConfToml.Default.CgroupConfFile)?.Containers?.CgroupConf : null;
        }
        catch (ContainersConfException e)
        {
            throw new FactMissingException($"QM's {path} is no valid containers.conf: {e.Message}");
        }
    }
}

/// <summary>The one table of containers.conf(5) that is read.</summary>
internal sealed class CgroupConfFile
{
    [TomlPropertyName("containers")]
    public CgroupConfTable? Containers { get; set; }
}

/// <summary>The one key of its [containers] table.</summary>
internal sealed class CgroupConfTable
{
    [TomlPropertyName("cgroup_conf")]
    public string[]? CgroupConf { get; set; }
}

/// <summary>TOML of containers.conf, without reflection.</summary>
[TomlSerializable(typeof(CgroupConfFile))]
internal sealed partial class CgroupConfToml : TomlSerializerContext;

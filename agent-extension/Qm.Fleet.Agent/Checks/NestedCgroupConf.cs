using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Tomlyn.Model;
using Tomlyn.Serialization;

namespace Qm.Fleet.Agent.Checks;

/// <summary>The cgroup settings the next container inside QM gets: QM's containers.conf and its drop-ins, in the order Podman reads them.</summary>
internal static class NestedCgroupConf
{
    private const string DropIns = "/containers/containers.conf.d";

    /// <summary>
    /// Reads them. A file replaces what those before it set, or adds to it where its array holds <c>{append=true}</c>; that holds for those after it,
    /// too, until one says <c>{append=false}</c>.
    /// </summary>
    /// <exception cref="FactMissingException">A file is no TOML or has another type, or QM has no /etc.</exception>
    /// <exception cref="NodeFileException">A file cannot be read, or there are too many.</exception>
    public static IReadOnlyList<string> Read(NodeFacts facts)
    {
        using var etc = facts.Within(facts.Paths.Etc);
        var (settings, appends) = (new List<string>(), false);
        foreach (var path in ConfFiles.Names(etc, facts.Paths.Etc, DropIns).Select(name => $"{DropIns}/{name}").Prepend("/containers/containers.conf"))
        {
            if (ReadOne(etc, path) is { } conf)
            {
                appends = Appends(conf, path) ?? appends;
                if (!appends)
                {
                    settings.Clear();
                }

                settings.AddRange(conf.OfType<string>());
            }
        }

        return settings;
    }

    // containers.conf(5), attributed string arrays: strings, and tables of this one key. Null where it is not set.
    private static bool? Appends(TomlArray conf, string path)
    {
        bool? appends = null;
        foreach (var item in conf.Where(item => item is not string))
        {
            appends = item is TomlTable { Count: 1 } table && table.TryGetValue("append", out var value) && value is bool append ? append
                : throw new FactMissingException($"QM's {path} is no valid containers.conf: cgroup_conf holds something else than strings and {{append=true}}.");
        }

        return appends;
    }

    private static TomlArray? ReadOne(NodeRoot etc, string path)
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
    public TomlArray? CgroupConf { get; set; }
}

/// <summary>TOML of containers.conf, without reflection.</summary>
[TomlSerializable(typeof(CgroupConfFile))]
internal sealed partial class CgroupConfToml : TomlSerializerContext;

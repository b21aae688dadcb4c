using Qm.Fleet.Agent.Files;
using Tomlyn;
using Tomlyn.Serialization;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>The OOM score the next container inside QM gets: QM's containers.conf and its drop-ins, in the order Podman reads them.</summary>
internal static class NestedDefault
{
    private const int FileBytesMax = 1024 * 1024;

    /// <summary>Reads it below QM's <c>/etc</c>; null when nothing sets it.</summary>
    public static (int Score, string File)? Read(NodeRoot root, string qmEtc, Findings findings)
    {
        try
        {
            using var etc = root.Within(qmEtc);
            var dropIns = etc.List("/containers/containers.conf.d").Where(name => name.EndsWith(".conf", StringComparison.Ordinal))
                .Select(name => $"/containers/containers.conf.d/{name}");
            return dropIns.Prepend("/containers/containers.conf")
                .Select(path => (Score: ReadOne(etc, path, qmEtc, findings), File: qmEtc + path)).Where(set => set.Score is not null)
                .Select(set => ((int, string)?)(set.Score!.Value, set.File)).LastOrDefault();
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}, so the default OOM score of containers inside QM is unknown.");
            return null;
        }
    }

    private static int? ReadOne(NodeRoot etc, string path, string qmEtc, Findings findings)
    {
        try
        {
            return etc.ReadText(path, FileBytesMax) is { } text
                ? TomlSerializer.Deserialize(text, ContainersConfToml.Default.ContainersConf)?.Containers?.OomScoreAdj : null;
        }
        catch (TomlException e)
        {
            findings.Add($"{qmEtc}{path} is no valid containers.conf, so what it sets is unknown: {e.Message}");
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}, so what it sets is unknown.");
        }

        return null;
    }
}

/// <summary>The one table of containers.conf(5) that is read.</summary>
internal sealed class ContainersConf
{
    [TomlPropertyName("containers")]
    public ContainersTable? Containers { get; set; }
}

/// <summary>The one key of its [containers] table.</summary>
internal sealed class ContainersTable
{
    [TomlPropertyName("oom_score_adj")]
    public int? OomScoreAdj { get; set; }
}

/// <summary>TOML of containers.conf, without reflection.</summary>
[TomlSerializable(typeof(ContainersConf))]
internal sealed partial class ContainersConfToml : TomlSerializerContext;

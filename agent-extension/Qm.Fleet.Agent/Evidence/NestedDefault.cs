using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Tomlyn.Serialization;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>The OOM score the next container inside QM gets: QM's containers.conf and its drop-ins, in the order Podman reads them.</summary>
internal static class NestedDefault
{
    /// <summary>Its table in containers.conf(5).</summary>
    public const string Table = "containers";

    /// <summary>Its key there.</summary>
    public const string Key = "oom_score_adj";

    private const string Main = "/containers/containers.conf";

    /// <summary>Reads it, with the file that sets it; null when nothing does.</summary>
    public static (string File, int Score)? Read(NodeRoot root, QmPaths paths, Findings findings) => Chain(root, paths, findings) is [var strongest, ..] ? strongest : null;

    /// <summary>Every file that sets it with its value, the strongest first.</summary>
    /// <param name="root">The node.</param>
    /// <param name="paths">Where QM lives; its files are read below its own directories.</param>
    /// <param name="findings">Told what cannot be read.</param>
    public static IReadOnlyList<(string Path, int Score)> Chain(NodeRoot root, QmPaths paths, Findings findings)
    {
        var all = Read(root, paths.Rootfs, isNeeded: false, _ => [$"/usr/share{Main}"], findings)
            .Concat(Read(root, paths.Etc, isNeeded: true, etc => ConfFiles.Names(etc, paths.Etc, $"{Main}.d").Select(name => $"{Main}.d/{name}").Prepend(Main), findings));
        return [.. all.Reverse()];
    }

    /// <summary>What one containers.conf sets; null when it says nothing of it.</summary>
    /// <exception cref="ContainersConfException">It is no TOML, or sets something else than a number.</exception>
    public static int? Parse(string text) => ContainersConfText.Read(text, ContainersConfToml.Default.ContainersConf)?.Containers?.OomScoreAdj;

    private static List<(string Path, int Score)> Read(NodeRoot root, string at, bool isNeeded, Func<NodeRoot, IEnumerable<string>> find, Findings findings)
    {
        List<(string, int)> scores = [];
        try
        {
            using var tree = root.Within(at);
            foreach (var path in find(tree))
            {
                if (ReadOne(tree, path, at, findings) is { } score)
                {
                    scores.Add((at + path, score));
                }
            }
        }
        catch (NodeFileException e) when (isNeeded || !e.IsMissing)
        {
            findings.Add($"The agent {e.Message}, so the default OOM score of containers inside QM is unknown.");
        }
        catch (NodeFileException)
        {
            // A rootfs that is not there sets nothing; that it is not is told where QM's paths are checked.
        }

        return scores;
    }

    private static int? ReadOne(NodeRoot tree, string path, string at, Findings findings)
    {
        try
        {
            return tree.ReadText(path, ConfFiles.FileBytesMax) is { } text ? Parse(text) : null;
        }
        catch (ContainersConfException e)
        {
            findings.Add($"{at}{path} is no valid containers.conf, so what it sets is unknown: {e.Message}");
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
    [TomlPropertyName(NestedDefault.Table)]
    public ContainersTable? Containers { get; set; }
}

/// <summary>The one key of its [containers] table.</summary>
internal sealed class ContainersTable
{
    [TomlPropertyName(NestedDefault.Key)]
    public int? OomScoreAdj { get; set; }
}

/// <summary>TOML of containers.conf, without reflection.</summary>
[TomlSerializable(typeof(ContainersConf))]
internal sealed partial class ContainersConfToml : TomlSerializerContext;

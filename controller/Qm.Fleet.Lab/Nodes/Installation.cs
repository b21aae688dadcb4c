using System.Collections.Frozen;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>A link that was made or removed, in systemd's words.</summary>
internal sealed record LinkChange(string Type, string Link, string Source);

/// <summary>What is started at boot, as files below two directories say it. An entry's content is nobody's concern. Called under the node's gate.</summary>
/// <param name="etc">The node's <c>/etc/systemd/system</c>.</param>
/// <param name="run">The node's <c>/run/systemd/system</c>.</param>
internal sealed class Installation(string etc, string run)
{
    private const string DefaultLink = "default.target";

    // systemd.special(7): targets that there always are, and that one boots into.
    private static readonly FrozenSet<string> Targets = FrozenSet.ToFrozenSet(
        ["basic.target", "emergency.target", "graphical.target", "multi-user.target", "rescue.target", "sysinit.target"]);

    /// <summary>The target the node boots into.</summary>
    public string DefaultTarget => Path.Combine(etc, DefaultLink) is var link && File.Exists(link) ? File.ReadAllText(link) : "multi-user.target";

    /// <summary>Whether an entry starts a unit at every boot.</summary>
    public bool IsEnabled(string unit) => Links(etc, unit).Length > 0;

    /// <summary>What <c>systemctl is-enabled</c> says of a unit that is no quadlet's.</summary>
    public string StateOf(string unit, IEnumerable<string> wantedBy) =>
        IsEnabled(unit) ? "enabled" : Links(run, unit).Length > 0 ? "enabled-runtime" : wantedBy.Any() ? "disabled" : "static";

    /// <summary>Makes the links that a unit file asks for.</summary>
    public IEnumerable<LinkChange> Enable(LoadedUnit unit, bool runtime)
    {
        foreach (var target in unit.WantedBy)
        {
            var link = Path.Combine(runtime ? run : etc, $"{target}.wants", unit.Name);
            if (!File.Exists(link))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(link)!);
                File.WriteAllText(link, "");
                yield return new("symlink", Told(link, runtime), "/" + unit.FragmentPath);
            }
        }
    }

    /// <summary>Removes every link to a unit.</summary>
    public IEnumerable<LinkChange> Disable(string unit, bool runtime)
    {
        foreach (var link in Links(runtime ? run : etc, unit))
        {
            File.Delete(link);
            yield return new("unlink", Told(link, runtime), "");
        }
    }

    /// <summary>Has the node boot into another target. Throws <see cref="SystemdRefusal"/>.</summary>
    public IEnumerable<LinkChange> SetDefaultTarget(string target, bool force)
    {
        var link = Path.Combine(etc, DefaultLink);
        var exists = File.Exists(link);
        if (!Targets.Contains(target) && !File.Exists(Path.Combine(etc, target)))
        {
            throw SystemdRefusal.UnitFileMissing(target);
        }

        if (exists && !force)
        {
            throw SystemdRefusal.UnitExists($"File {Told(link, runtime: false)} already exists.");
        }

        File.WriteAllText(link, target);
        LinkChange[] removed = exists ? [new("unlink", Told(link, runtime: false), "")] : [];
        return [.. removed, new("symlink", Told(link, runtime: false), $"/usr/lib/systemd/system/{target}")];
    }

    private static string[] Links(string directory, string unit) => Directory.Exists(directory)
        ? [.. Directory.GetDirectories(directory, "*.wants").Select(wants => Path.Combine(wants, unit)).Where(Path.Exists).Order(StringComparer.Ordinal)]
        : [];

    private string Told(string link, bool runtime) =>
        $"/{(runtime ? "run" : "etc")}/systemd/system/{Path.GetRelativePath(runtime ? run : etc, link)}";
}

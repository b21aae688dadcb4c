using Qm.Fleet.Agent.Evidence;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>Where QM lives on the node, as the quadlet in force says in its <c>Environment=</c> lines.</summary>
/// <param name="Rootfs">ROOTFS: QM's root file system.</param>
/// <param name="Etc">RWETCFS: what QM sees as <c>/etc</c>.</param>
/// <param name="Var">RWVARFS: what QM sees as <c>/var</c>.</param>
internal sealed record QmPaths(string Rootfs, string Etc, string Var)
{
    /// <summary>Reads them out of the quadlet.</summary>
    /// <exception cref="CommandRefusedException">InvalidQuadlet: a path is not set, or not a plain absolute path below the root.</exception>
    public static QmPaths From(QuadletSources sources)
    {
        var environment = EnvironmentLines.Parse(sources.Merge().All("Service", "Environment").Select(entry => entry.Value));
        return new(Path("ROOTFS"), Path("RWETCFS"), Path("RWVARFS"));

        string Path(string name) =>
            environment.GetValueOrDefault(name) is { } value && IsPlain(value)
                ? value.TrimEnd('/')
                : throw new CommandRefusedException("InvalidQuadlet",
                    $"{sources.Main.Path} and its drop-ins set {name} to \"{AllowList.Printable(environment.GetValueOrDefault(name, ""))}\"; " +
                    $"expected Environment={name}= with an absolute path below the root, without . and .. and systemd specifiers.");
    }

    private static bool IsPlain(string path) =>
        path.StartsWith('/') && path.TrimEnd('/').Length > 0 && !path.Any(c => char.IsControl(c) || c == '%')
        && !path.Split('/').Any(component => component is "." or "..");
}

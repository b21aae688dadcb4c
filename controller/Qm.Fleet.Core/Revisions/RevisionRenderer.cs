using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Core.Revisions;

/// <summary>Turns an environment into the files of one node.</summary>
/// <remarks>
/// The text names no revision and no date, so that a file changes exactly when its meaning does: a changed limit must not
/// look like a changed agent configuration, which would restart the agent.
/// </remarks>
public static class RevisionRenderer
{
    private const string Header = "Written by QM Fleet and replaced by it; to change it, change the fleet's manifest.";

    /// <summary>The files of <paramref name="environment"/> on <paramref name="node"/>, ordered by id.</summary>
    /// <param name="revision">The revision's name.</param>
    /// <param name="environment">What the node shall run.</param>
    /// <param name="node">BlueChi's node name of the host.</param>
    public static RenderedRevision Render(string revision, FleetEnvironment environment, string node)
    {
        if (ReferenceEquals(environment, Removal.Environment))
        {
            return new(revision, environment, []);
        }

        var files = ImmutableArray.CreateBuilder<RenderedFile>();
        if (QmDropIn(environment) is { } dropIn)
        {
            files.Add(new(new(OwnedFileKind.QmContainerDropIn, ""), dropIn));
        }

        if (environment.Oom.Nested is { } nested)
        {
            files.Add(new(new(OwnedFileKind.QmContainersConf, ""), Invariant($"# {Header}\n[containers]\noom_score_adj = {nested}\n")));
        }

        // The host's agent is restarted for its file, so a node whose fleet says nothing of it gets none.
        if (environment.HostAgent.Count > 0)
        {
            files.Add(new(new(OwnedFileKind.HostBlueChiAgentConf, ""), AgentConf(environment.HostAgent)));
        }

        files.Add(new(new(OwnedFileKind.QmBlueChiAgentConf, ""), AgentConf([new("NodeName", QmNode.NameFor(node)), .. environment.QmAgent])));
        foreach (var workload in environment.Workloads)
        {
            files.Add(new(new(OwnedFileKind.Workload, workload.Name), Quadlet(workload)));
        }

        foreach (var (unit, score) in environment.Oom.Asil)
        {
            files.Add(new(new(OwnedFileKind.AsilDropIn, unit), Unit().Add("Service", "OOMScoreAdjust", Text(score)).ToString()));
        }

        files.Sort((left, right) => left.Id.CompareTo(right.Id));
        return new(revision, environment, files.ToImmutable()) { QmNodeName = QmNode.NameFor(node) };
    }

    private static string? QmDropIn(FleetEnvironment environment)
    {
        if (environment.Resources.Count == 0 && environment.Oom.Qm is null && environment.RootfsArchive is null)
        {
            return null;
        }

        var unit = Unit();
        foreach (var (property, value) in environment.Resources)
        {
            foreach (var text in ResourceValues.Assignments(property, value))
            {
                unit.Add("Service", property.ToString(), text);
            }
        }

        if (environment.Oom.Qm is { } score)
        {
            unit.Add("Service", "OOMScoreAdjust", Text(score));
        }

        // Systemd takes the last assignment of a variable, and the quadlet's Rootfs=${ROOTFS} is expanded from it.
        if (environment.RootfsArchive is { } archive)
        {
            unit.Add("Service", "Environment", $"ROOTFS={RootfsSlot.PathOf(archive.Sha256)}");
        }

        return unit.ToString();
    }

    // BlueChi's parser is not systemd's: no quoting, no continuation by backslash, so the text is written plainly.
    private static string AgentConf(IEnumerable<KeyValuePair<string, string>> settings) =>
        settings.Aggregate(new StringBuilder(Invariant($"# {Header}\n[bluechi-agent]\n")), (text, setting) => text.Append(setting.Key).Append('=').Append(setting.Value).Append('\n')).ToString();

    private static string Quadlet(Workload workload)
    {
        var unit = Unit();
        foreach (var (section, keys) in workload.Quadlet)
        {
            foreach (var (key, values) in keys)
            {
                foreach (var value in values)
                {
                    unit.Add(section, key, value);
                }
            }
        }

        // OOMScoreAdjust= in [Service] would move conmon, not the container: Podman sets the container's score itself.
        return workload.OomScoreAdjust is { } score
            ? unit.Add("Container", "PodmanArgs", $"--oom-score-adj={Text(score)}").ToString()
            : unit.ToString();
    }

    private static UnitFileBuilder Unit() => new(Header);

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}

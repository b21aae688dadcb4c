using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Simulation.Runs;
using Qm.Fleet.V1;

namespace Qm.Fleet.Simulation.Models;

/// <summary>The agent extension of one node: what is staged, committed and confirmed, and the way back.</summary>
internal sealed class SimulatedAgent(World world, SimulatedNode node)
{
    private readonly Dictionary<OwnedFileId, long> _committedAt = [];
    private readonly SortedSet<string> _retired = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _retiredSafetyUnits = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _retiredProperties = new(StringComparer.Ordinal);
    private Stage? _staged;
    private (string Revision, Stage? Content) _previous = ("", null);
    private Stage? _content;
    private TimeSpan? _confirmDue;
    private Reverted? _reverted;
    private long _hostConfChangedAt;

    /// <summary>The revision whose files are in place; empty for none.</summary>
    internal string Revision { get; private set; } = "";

    internal bool IsConfirmed { get; private set; }

    /// <summary>Every revision that was ever confirmed here.</summary>
    internal HashSet<string> EverConfirmed { get; } = [];

    internal bool HasWorkload(string name) => _content?.Files.Any(file => file.Kind == OwnedFile.Types.Kind.Workload && file.Name == name) ?? false;

    /// <summary>Times of an earlier boot mean nothing in this one.</summary>
    internal void Booted()
    {
        foreach (var file in _committedAt.Keys.ToArray())
        {
            _committedAt[file] = 0;
        }

        _hostConfChangedAt = 0;
    }

    /// <summary>There is something to report.</summary>
    internal void Changed() => world.Controller?.Links.Report(node);

    internal CommandResult Do(Command command) => command.ActionCase switch
    {
        Command.ActionOneofCase.Stage => Stage(command.Stage),
        Command.ActionOneofCase.Commit => Commit(command.Commit),
        Command.ActionOneofCase.Confirm => Confirm(command.Confirm.Revision),
        Command.ActionOneofCase.RestartHostAgent => RestartHostAgent(),
        _ => new() { Ok = true },
    };

    internal NodeReport Report()
    {
        var report = new NodeReport
        {
            StagedRevision = _staged?.Revision ?? "",
            Revision = Revision,
            Confirmed = IsConfirmed,
            Machine = new() { MemoryBytes = 8L << 30, TasksMax = 32_768, BootId = "boot" },
            Oom = new() { Host = 0, NestedDefault = _content is null ? 750 : world.Revisions[Revision].Environment.Oom.Nested ?? 750 },
            HostAgentConfChangedAtUs = _hostConfChangedAt,
        };
        foreach (var (id, sha256) in Hashes(_content))
        {
            report.Files.Add(new FileState { Kind = id.Kind, Name = id.Name, Path = id.Name, Sha256 = sha256, CommittedAtUs = _committedAt.GetValueOrDefault(Id(id.Kind, id.Name)) });
        }

        if (_confirmDue is { } due)
        {
            report.ConfirmDueUs = (long)due.TotalMicroseconds;
        }

        if (_reverted is not null)
        {
            report.Reverted = _reverted;
        }

        report.RetiredWorkloads.Add(_retired);
        report.RetiredSafetyUnits.Add(_retiredSafetyUnits);
        report.RetiredProperties.Add(_retiredProperties);
        if (node.Qm.IsActive)
        {
            report.Cgroup["memory.high"] = node.MemoryHigh is { } high ? high.ToString(System.Globalization.CultureInfo.InvariantCulture) : "max";
            report.Cgroup["memory.events"] = $"oom_kill {node.OomKills}";
        }

        if (node.Score is { } score)
        {
            (report.Oom.Qm, report.Oom.QmInitPid) = (score, 1000);
            report.Oom.Nested.Add(node.Workloads.Where(unit => unit.Value.Score is not null)
                .Select(unit => new UnitOom { Unit = unit.Key + ".service", Pid = 1001, Score = unit.Value.Score!.Value }));
        }

        return report;
    }

    private static OwnedFileId Id(OwnedFile.Types.Kind kind, string name) => new((OwnedFileKind)kind, name);

    private static CommandResult Refused(string reason, string message) => new() { Ok = false, Reason = reason, Message = message };

    private Dictionary<(OwnedFile.Types.Kind Kind, string Name), string> Hashes(Stage? content) =>
        content?.Files.ToDictionary(file => (file.Kind, file.Name), file => world.HashOf(file.Content)) ?? [];

    private CommandResult Stage(Stage stage)
    {
        if (world.FlawOf(stage.Revision, node) == Flaw.Refused)
        {
            return Refused("InvalidFile", "the quadlet generator refuses it");
        }

        _staged = stage;
        if (_reverted?.Revision == stage.Revision)
        {
            _reverted = null;
        }

        return new() { Ok = true };
    }

    private CommandResult Commit(Commit commit)
    {
        if (_staged is not { } staged || staged.Revision != commit.Revision)
        {
            return Refused("NotStaged", $"{commit.Revision} is not staged");
        }

        if (IsConfirmed || Revision.Length == 0)
        {
            _previous = (Revision, _content);
        }

        Put(commit.Revision, staged);
        (_staged, IsConfirmed) = (null, false);
        _confirmDue = null;
        if (commit.ConfirmWithinMs > 0)
        {
            var due = world.Time.Elapsed + TimeSpan.FromMilliseconds(commit.ConfirmWithinMs);
            _confirmDue = due;
            world.Time.After(due - world.Time.Elapsed, () => GoBack(due));
        }

        return new() { Ok = true };
    }

    private CommandResult Confirm(string revision)
    {
        if (Revision != revision)
        {
            return Refused("NotCommitted", $"{revision} is not in place");
        }

        (IsConfirmed, _confirmDue) = (true, null);
        _retired.Clear();
        _retiredSafetyUnits.Clear();
        _retiredProperties.Clear();
        EverConfirmed.Add(revision);
        return new() { Ok = true };
    }

    private CommandResult RestartHostAgent()
    {
        node.RestartHostAgent();
        return new() { Ok = true };
    }

    private void Put(string revision, Stage? content)
    {
        var (before, after) = (Hashes(_content), Hashes(content));
        foreach (var (kind, name) in before.Keys.Union(after.Keys).Where(id => before.GetValueOrDefault(id) != after.GetValueOrDefault(id)))
        {
            _committedAt[Id(kind, name)] = node.Microseconds;
            if (kind == OwnedFile.Types.Kind.HostBluechiAgentConf)
            {
                _hostConfChangedAt = node.Microseconds;
            }

            if (kind == OwnedFile.Types.Kind.Workload && !after.ContainsKey((kind, name)))
            {
                _retired.Add(name);
            }
        }

        _retiredSafetyUnits.UnionWith(SafetyUnits(before.Keys));
        _retiredSafetyUnits.ExceptWith(SafetyUnits(after.Keys));
        _retiredProperties.UnionWith(Properties(Revision));
        _retiredProperties.ExceptWith(Properties(revision));
        (Revision, _content) = (revision, content);
    }

    private static IEnumerable<string> SafetyUnits(IEnumerable<(OwnedFile.Types.Kind Kind, string Name)> files) =>
        files.Where(file => file.Kind == OwnedFile.Types.Kind.AsilDropIn).Select(file => file.Name);

    private IEnumerable<string> Properties(string revision) =>
        world.Revisions.TryGetValue(revision, out var known) ? known.Environment.Resources.Keys.Select(property => property.ToString()) : [];

    // The timer goes on while the agent is down, and strikes when it is there again.
    private void GoBack(TimeSpan due)
    {
        if (_confirmDue != due)
        {
            return;
        }

        if (!node.IsUp)
        {
            world.Time.After(TimeSpan.FromSeconds(1), () => GoBack(due));
            return;
        }

        var hostConf = _hostConfChangedAt;
        _reverted = new() { Revision = Revision, Reason = "nobody confirmed it in time" };
        world.Trace.Add($"{node.Name} goes back from {Revision} to {_previous.Revision}");
        Put(_previous.Revision, _previous.Content);
        (IsConfirmed, _confirmDue) = (true, null);
        if (_hostConfChangedAt != hostConf)
        {
            node.RestartHostAgent();
        }

        Changed();
    }
}

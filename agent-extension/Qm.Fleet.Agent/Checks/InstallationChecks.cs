using System.Globalization;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Checks;

/// <summary>Whether QM's directories, id ranges and nested quadlets are such that it starts and stays confined.</summary>
internal static class InstallationChecks
{
    private const string Quadlets = "/containers/systemd";
    private static readonly string[] HiddenDirectories = [Quadlets, "/bluechi/agent.conf.d", "/systemd/system"];

    /// <summary>In the order in which QM needs them.</summary>
    public static IReadOnlyList<StaticCheck> All { get; } =
    [
        new("var-tmp", "QM's /var is there with its tmp", "RWVARFS/tmp", "a directory", VarTmp),
        new("var-space", "QM's /var has room", "the file system of RWVARFS", "5 % and 64 MiB free", VarSpace),
        new("subordinate-ids", "Containers of the host and of QM have user ids of their own", "/etc/subuid, /etc/subgid", "qmcontainers and containers, apart", SubordinateIds),
        new("hidden-content", "No configuration lies where QM does not see it", "ROOTFS/etc", "nothing that RWETCFS lacks", Hidden),
        new("nested-quadlets", "No workload undoes its confinement", "RWETCFS/containers/systemd/*.container", "not privileged, OOM score above QM's", Nested),
    ];

    /// <summary>Whether a file system has room enough.</summary>
    /// <param name="available">Bytes that can be written.</param>
    /// <param name="total">Its size in bytes.</param>
    public static CheckOutcome Judge(long available, long total)
    {
        const long Least = 64L * 1024 * 1024;
        // Whole percents: a result that changed with every byte would be told with every report.
        var found = string.Create(CultureInfo.InvariantCulture, $"{(total > 0 ? 100.0 * available / total : 0):0} % of {total / 1048576} MiB free");
        return available >= Least && available >= total / 20 ? CheckOutcome.Pass(found)
            : CheckOutcome.Fail(found, "A full /var leaves Podman in QM unusable: podman exec qm podman system prune, or make it larger.");
    }

    private static CheckOutcome VarTmp(NodeFacts facts)
    {
        using var var = facts.Root.List(Path.GetDirectoryName(facts.Paths.Var)!).Contains(Path.GetFileName(facts.Paths.Var)) ? facts.Within(facts.Paths.Var) : null;
        return var is null ? CheckOutcome.Fail($"{facts.Paths.Var} missing", "qm.service cannot start: mount or make it, or run QM's setup again.")
            : var.List("/").Contains("tmp") ? CheckOutcome.Pass("there")
            : CheckOutcome.Fail("missing", $"qm.service cannot start, because it mounts {facts.Paths.Var}/tmp: make that directory.");
    }

    private static CheckOutcome VarSpace(NodeFacts facts)
    {
        using var directory = facts.Within(facts.Paths.Var).OpenDirectory("/");
        var drive = new DriveInfo($"/proc/self/fd/{directory.Handle.DangerousGetHandle()}");
        return Judge(drive.AvailableFreeSpace, drive.TotalSize);
    }

    private static CheckOutcome SubordinateIds(NodeFacts facts)
    {
        var wrong = new List<string>();
        var found = new List<string>();
        foreach (var path in (string[])["/etc/subuid", "/etc/subgid"])
        {
            var ranges = facts.Need(path).Split('\n').Select(ParseRange).OfType<IdRange>().ToArray();
            found.AddRange(ranges.Select(range => range.ToString()));
            wrong.AddRange(((string[])["qmcontainers", "containers"]).Where(owner => ranges.All(range => range.Owner != owner))
                .Select(owner => $"{path} has no range of {owner}: add it as QM's setup does."));
            wrong.AddRange(
                from first in ranges
                from second in ranges
                where string.CompareOrdinal(first.Owner, second.Owner) < 0 && first.Start < second.Start + second.Count && second.Start < first.Start + first.Count
                select $"{path}: {first.Owner} and {second.Owner} overlap, so containers of one reach files of the other.");
        }

        return CheckOutcome.Of(string.Join(' ', found.Distinct()), wrong);
    }

    private static IdRange? ParseRange(string line) =>
        line.Split(':') is [var owner, var start, var count]
        && uint.TryParse(start, NumberStyles.None, CultureInfo.InvariantCulture, out var first)
        && uint.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? new(owner, first, length) : null;

    private static CheckOutcome Hidden(NodeFacts facts)
    {
        using var rootfs = facts.Within(facts.Paths.Rootfs);
        using var etc = facts.Within(facts.Paths.Etc);
        var hidden = (from directory in HiddenDirectories
                      from name in rootfs.List($"/etc{directory}").Except(etc.List(directory))
                      select $"{facts.Paths.Rootfs}/etc{directory}/{name}").ToArray();
        return hidden.Length == 0 ? CheckOutcome.Pass("nothing")
            : CheckOutcome.Fail(string.Join(' ', hidden), $"QM sees {facts.Paths.Etc} as its /etc, not the rootfs's own: move them there.");
    }

    private static CheckOutcome Nested(NodeFacts facts)
    {
        using var etc = facts.Within(facts.Paths.Etc);
        string[] names = [.. etc.List(Quadlets).Where(name => name.EndsWith(".container", StringComparison.Ordinal))];
        if (names.Length > ConfFiles.FilesMax)
        {
            return CheckOutcome.Unknown($"{facts.Paths.Etc}{Quadlets} holds {names.Length} quadlets, and {ConfFiles.FilesMax} are read.");
        }

        var quadlets = names.Select(name => (Name: name, Unit: UnitFileMerger.Merge(UnitFile.Parse(etc.ReadText($"{Quadlets}/{name}", ConfFiles.FileBytesMax) ?? "", name), []))).ToArray();
        return quadlets.Length == 0 ? CheckOutcome.NotApplicable("No workload is defined by a quadlet.")
            : CheckOutcome.Of(string.Join(' ', quadlets.Select(quadlet => quadlet.Name)), [.. quadlets.SelectMany(quadlet => Weak(quadlet.Name, quadlet.Unit, facts.WantedScore))]);
    }

    private static IEnumerable<string> Weak(string name, MergedUnit unit, int qmScore)
    {
        var words = unit.All("Container", "PodmanArgs").SelectMany(entry => entry.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        if (words.Any(word => word is "--privileged" or "--privileged=true"))
        {
            yield return $"{name} is privileged: name the capabilities it needs.";
        }

        var scores = words.Select((word, i) => word == "--oom-score-adj" && i + 1 < words.Length ? words[i + 1]
            : word.StartsWith("--oom-score-adj=", StringComparison.Ordinal) ? word["--oom-score-adj=".Length..] : null);
        foreach (var score in scores.Append(unit.Last("Service", "OOMScoreAdjust")?.Value))
        {
            if (int.TryParse(score, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number <= qmScore)
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"{name} has OOM score {number}, not above QM's {qmScore}: it must be killed before QM.");
            }
        }
    }

    private sealed record IdRange(string Owner, long Start, long Count)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Owner}:{Start}:{Count}");
    }
}

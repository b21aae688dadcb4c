using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Usage;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Reads evidence and notes as a sentence whatever could not be read; a missing file is an answer, not a problem.</summary>
internal sealed class Findings(NodeRoot root)
{
    /// <summary>Most cgroups that are looked at below one.</summary>
    public const int CgroupsMax = 2000;

    /// <summary>Most levels of cgroups that are looked at below one.</summary>
    public const int CgroupDepthMax = 8;

    private const int EvidenceBytesMax = 1024 * 1024;
    private const int ProblemsMax = 100;
    private readonly List<string> _problems = [];
    private readonly Dictionary<string, MountTable?> _mounts = [];

    /// <summary>Why something could not be read, each sentence once.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Notes a problem. After a hundred, that there are more is all that is noted.</summary>
    public void Add(string problem)
    {
        if (_problems.Count < ProblemsMax && !_problems.Contains(problem))
        {
            _problems.Add(_problems.Count == ProblemsMax - 1 ? "More could not be read than is told here." : problem);
        }
    }

    /// <summary>A file's trimmed text; null when it is missing or unreadable.</summary>
    public string? Text(string path) => Try(() => root.ReadText(path, EvidenceBytesMax)?.Trim());

    /// <summary>The same of a file below a directory that nothing in it leads out of.</summary>
    public string? Text(string tree, string path) => Try(() =>
    {
        using var below = root.Within(tree);
        return below.ReadText(path, ConfFiles.FileBytesMax)?.Trim();
    });

    /// <summary>Whether something is there; not, when that cannot be told.</summary>
    public bool Exists(string path) => Try(() => root.Exists(path) ? path : null) is not null;

    /// <summary>The mounts that a process sees; null when they cannot be read, or make no sense.</summary>
    /// <param name="process">Its directory's name in /proc.</param>
    public MountTable? Mounts(string process)
    {
        if (!_mounts.TryGetValue(process, out var table))
        {
            _mounts[process] = table = Text($"/proc/{process}/mountinfo") is { } text && MountTable.Parse(text) is { Mounts.Count: > 0 } parsed ? parsed : null;
        }

        return table;
    }

    /// <summary>A file's number; null when it is missing, unreadable or holds something else.</summary>
    public long? Number(string path)
    {
        if (Text(path) is not { } text)
        {
            return null;
        }

        if (long.TryParse(text, out var number))
        {
            return number;
        }

        Add($"{path} holds \"{text[..Math.Min(text.Length, 40)]}\" where a number was expected.");
        return null;
    }

    /// <summary>The names in a directory; none when it is missing or unreadable.</summary>
    public IReadOnlyList<string> Names(string path) => Try(() => root.List(path)) ?? [];

    /// <summary>The names of the directories in a directory; none when it is missing or unreadable.</summary>
    public IReadOnlyList<string> Directories(string path) => Try(() => root.Directories(path)) ?? [];

    /// <summary>The processes of a cgroup.</summary>
    public IEnumerable<int> Processes(string cgroup) =>
        from line in (Text($"{cgroup}/cgroup.procs") ?? "").Split('\n')
        let pid = int.TryParse(line, out var number) ? number : 0
        where pid > 0
        select pid;

    /// <summary>
    /// A cgroup and those below it, parents first and else by name. Who may make cgroups makes as many as it likes: after <see cref="CgroupsMax"/>, or
    /// deeper than <see cref="CgroupDepthMax"/>, how many are left out is noted as a problem.
    /// </summary>
    /// <param name="cgroup">The topmost.</param>
    /// <param name="enter">Says which names are looked into.</param>
    public IReadOnlyList<string> Cgroups(string cgroup, Func<string, bool> enter)
    {
        List<string> found = [];
        var waiting = new Stack<(string Path, int Depth)>([(cgroup, 0)]);
        var tooDeep = 0L;
        while (found.Count < CgroupsMax && waiting.TryPop(out var next))
        {
            found.Add(next.Path);
            var below = Directories(next.Path).Where(enter);
            if (next.Depth == CgroupDepthMax)
            {
                tooDeep += below.Count();
                continue;
            }

            foreach (var name in below.Reverse())
            {
                waiting.Push(($"{next.Path}/{name}", next.Depth + 1));
            }
        }

        if (waiting.Count + tooDeep is > 0 and var seen)
        {
            // The kernel counts those that nobody looks for.
            var counted = KernelStatistics.FlatKeyed(Text($"{cgroup}/cgroup.stat") ?? "").FirstOrDefault(pair => pair.Key == "nr_descendants").Value + 1 - found.Count;
            Add($"{cgroup} has more cgroups below it than are looked at, {CgroupsMax} in {CgroupDepthMax} levels; {(counted >= seen ? counted : $"at least {seen}")} are left out, and what is in them is unknown.");
        }

        return found;
    }

    /// <summary>A process's OOM score adjustment; null when the process is gone or it cannot be read.</summary>
    public int? OomScore(int pid) => (int?)Number($"/proc/{pid}/oom_score_adj");

    /// <summary>
    /// Does one part of a look. What fails in it that nobody foresaw, over a file that nobody thought of, becomes a problem like any other, and the
    /// look goes on: whoever writes such a file must not silence the agent.
    /// </summary>
    /// <param name="what">What the part finds out, as the subject of "is unknown".</param>
    /// <param name="unknown">What is answered then.</param>
    /// <param name="look">The part, done when this returns.</param>
    public T Part<T>(string what, T unknown, Func<T> look)
    {
        try
        {
            return look();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Add(Unforeseen(what, e));
            return unknown;
        }
    }

    /// <inheritdoc cref="Part{T}"/>
    public void Part(string what, Action look) => Part(what, false, () =>
    {
        look();
        return true;
    });

    /// <summary>What a failure that nobody foresaw is told as.</summary>
    public static string Unforeseen(string what, Exception exception) => exception is NodeFileException
        ? $"The agent {exception.Message}, so {what} is unknown."
        : $"{char.ToUpperInvariant(what[0])}{what[1..]} is unknown, for the agent failed over what it found ({exception.GetType().Name}: {AllowList.Printable(exception.Message)}); report this as a defect of qm-fleet-agent.";

    private T? Try<T>(Func<T?> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (NodeFileException e)
        {
            Add($"The agent {e.Message}.");
        }
        catch (UnauthorizedAccessException e)
        {
            Add(e.Message);
        }

        return null;
    }
}

using System.Globalization;
using System.Text.RegularExpressions;

namespace Qm.Fleet.Core.OutOfMemory;

/// <summary>What a line of the kernel's OOM killer says (mm/oom_kill.c and mm/memcontrol.c of Linux 5.10 to 6.12); of all others, null.</summary>
/// <remarks>
/// Names of processes and cgroups are chosen by whoever runs in QM. A line in which such a name could be taken for one of the kernel's own words
/// tells no cgroup rather than a wrong one.
/// </remarks>
public abstract partial record OomLine
{
    private const string ChosenPrefix = "oom-kill:constraint=";
    private const string GroupPrefix = "Tasks in ";
    private const string GroupSuffix = " are going to be killed due to memory.oom.group set";
    private const string LimitCgroupWord = ",oom_memcg=";
    private const string CgroupWord = ",task_memcg=";
    private const string TaskWord = ",task=";
    private const string WholeMachineWord = ",global_oom";

    private OomLine()
    {
    }

    /// <summary><c>radio invoked oom-killer: gfp_mask=..., order=0, oom_score_adj=750</c>: what follows is of another kill than what was before.</summary>
    public sealed record Invoked : OomLine;

    /// <summary><c>memory: usage 262144kB, limit 262144kB, failcnt 9</c>: the limit that was hit.</summary>
    /// <param name="LimitBytes">In bytes.</param>
    public sealed record Limit(long LimitBytes) : OomLine;

    /// <summary><c>oom-kill:constraint=CONSTRAINT_MEMCG,...,oom_memcg=/...,task_memcg=/...,task=radio,pid=2210,uid=0</c>.</summary>
    /// <param name="Cause">What was short.</param>
    /// <param name="LimitCgroup">Whose limit was hit; empty when none was, or it cannot be told.</param>
    /// <param name="Cgroup">The victim's; empty when it cannot be told.</param>
    /// <param name="Pid">The victim's id on the host; null when the line is cut short.</param>
    /// <param name="Comm">The victim's name.</param>
    public sealed record Chosen(OomCause Cause, string LimitCgroup, string Cgroup, int? Pid, string Comm) : OomLine;

    /// <summary><c>Memory cgroup out of memory: Killed process 2210 (radio) total-vm:...kB, anon-rss:...kB, ...</c>.</summary>
    /// <param name="OfCgroup">Whether a cgroup was out of memory, and not the machine.</param>
    /// <param name="Pid">On the host.</param>
    /// <param name="Comm">The process's name.</param>
    /// <param name="AnonBytes">Anonymous memory it had.</param>
    /// <param name="UsedBytes">All of its memory that counts for the choice, but for what is in swap.</param>
    /// <param name="ScoreAdjust">oom_score_adj; null when the kernel does not say.</param>
    public sealed record Killed(bool OfCgroup, int Pid, string Comm, long AnonBytes, long UsedBytes, int? ScoreAdjust) : OomLine;

    /// <summary><c>Tasks in /... are going to be killed due to memory.oom.group set</c>.</summary>
    /// <param name="Cgroup">Whose processes all die.</param>
    public sealed record Group(string Cgroup) : OomLine;

    /// <summary>Reads a line; null when the OOM killer did not write it.</summary>
    public static OomLine? Parse(string text)
    {
        if (text.StartsWith(ChosenPrefix, StringComparison.Ordinal))
        {
            return ParseChosen(text);
        }

        if (text.StartsWith(GroupPrefix, StringComparison.Ordinal) && text.EndsWith(GroupSuffix, StringComparison.Ordinal))
        {
            return text.Length < GroupPrefix.Length + GroupSuffix.Length ? null : new Group(Clean(text[GroupPrefix.Length..^GroupSuffix.Length]));
        }

        if (text.Contains(" invoked oom-killer: ", StringComparison.Ordinal))
        {
            return new Invoked();
        }

        if (LimitPattern().Match(text) is { Success: true } limit)
        {
            return Kibibytes(limit, "limit") is { } bytes ? new Limit(bytes) : null;
        }

        return KilledPattern().Match(text) is { Success: true } killed ? ParseKilled(killed) : null;
    }

    /// <summary>Whether it is, or begins, a line that the kernel writes in pieces.</summary>
    internal static bool IsBegun(string text) => text.StartsWith(ChosenPrefix, StringComparison.Ordinal) || text.StartsWith(GroupPrefix, StringComparison.Ordinal);

    /// <summary>Whether nothing of such a line is missing.</summary>
    internal static bool IsWhole(string text) => EndPattern().IsMatch(text) || text.EndsWith(GroupSuffix, StringComparison.Ordinal);

    /// <summary>A name as it may be shown: what does not print becomes a question mark.</summary>
    internal static string Clean(string name) => string.Concat(name.Select(static character => char.IsControl(character) || character == '\uFFFD' ? '?' : character));

    private static Chosen ParseChosen(string text)
    {
        var end = EndPattern().Match(text);
        var head = end.Success ? text[..end.Index] : text;
        var word = text[ChosenPrefix.Length..].Split(',', 2)[0];
        var cause = word switch
        {
            "CONSTRAINT_MEMCG" => OomCause.Limit,
            "CONSTRAINT_NONE" => OomCause.Machine,
            "CONSTRAINT_CPUSET" => OomCause.Cpuset,
            "CONSTRAINT_MEMORY_POLICY" => OomCause.MemoryPolicy,
            _ => OomCause.Unknown,
        };
        var task = Only(text, TaskWord);
        return new(
            cause,
            cause == OomCause.Limit ? Between(head, LimitCgroupWord, CgroupWord) : "",
            cause == OomCause.Limit || Only(text, WholeMachineWord) >= 0 ? Between(text, CgroupWord, TaskWord) : "",
            end.Success && Id(end.Groups["pid"].Value) is { } pid && task >= 0 ? pid : null,
            end.Success && task >= 0 && task + TaskWord.Length <= end.Index ? Clean(text[(task + TaskWord.Length)..end.Index]) : "");
    }

    private static Killed? ParseKilled(Match line)
    {
        var (anon, file, shared) = (Kibibytes(line, "anon"), Kibibytes(line, "file"), Kibibytes(line, "shmem"));
        return Id(line.Groups["pid"].Value) is not { } pid || (anon, file, shared) is not ({ } a, { } f, { } s) ? null : new(
            line.Groups["of"].Value[0] == 'M',
            pid,
            Clean(line.Groups["comm"].Value),
            a,
            a + f + s + (Kibibytes(line, "tables") ?? 0),
            int.TryParse(line.Groups["adjust"].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var adjust) && adjust is >= -1000 and <= 1000 ? adjust : null);
    }

    // Empty when either word is not there exactly once.
    private static string Between(string text, string from, string to)
    {
        var (begin, end) = (Only(text, from), Only(text, to));
        return begin >= 0 && end >= begin + from.Length ? Clean(text[(begin + from.Length)..end]) : "";
    }

    private static int Only(string text, string word)
    {
        var at = text.IndexOf(word, StringComparison.Ordinal);
        return at >= 0 && text.IndexOf(word, at + 1, StringComparison.Ordinal) < 0 ? at : -1;
    }

    private static int? Id(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;

    // Far above any machine's memory a number is damage.
    private static long? Kibibytes(Match match, string group) =>
        long.TryParse(match.Groups[group].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < 1L << 48 ? number << 10 : null;

    [GeneratedRegex(@",pid=(?<pid>\d+),uid=\d+$", RegexOptions.CultureInvariant)]
    private static partial Regex EndPattern();

    [GeneratedRegex(@"^memory: usage \d+kB, limit (?<limit>\d+)kB, failcnt \d+$", RegexOptions.CultureInvariant)]
    private static partial Regex LimitPattern();

    [GeneratedRegex(
        @"^(?<of>Memory cgroup out of memory|Out of memory(?: \([a-z_]+\))?): Killed process (?<pid>\d+) \((?<comm>.*)\) total-vm:\d+kB, anon-rss:(?<anon>\d+)kB, file-rss:(?<file>\d+)kB, shmem-rss:(?<shmem>\d+)kB(?:, UID:\d+ pgtables:(?<tables>\d+)kB oom_score_adj:(?<adjust>-?\d+))?$",
        RegexOptions.CultureInvariant)]
    private static partial Regex KilledPattern();
}

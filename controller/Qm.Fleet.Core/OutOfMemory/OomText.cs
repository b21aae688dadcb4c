using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.OutOfMemory;

/// <summary>Says in words what a kill was.</summary>
public static class OomText
{
    private const string Service = ".service";

    /// <summary>Such as <c>radio (pid 2210, score 1034, limit of radio 256M); group of 3 killed</c>.</summary>
    public static string Describe(OomKill kill)
    {
        var victim = kill.Comm.Length > 0 ? kill.Comm : kill.Killed == 1 ? "a process" : FormattableString.Invariant($"{kill.Killed} processes");
        string[] facts = [.. Facts(kill)];
        string[] parts =
        [
            $"{victim}{Where(kill)}{(facts.Length > 0 ? $" ({string.Join(", ", facts)})" : "")}",
            .. kill is { GroupCgroup.Length: > 0, Killed: > 1 } ? [FormattableString.Invariant($"group of {kill.Killed} killed")] : Array.Empty<string>(),
            .. kill.NotKnown.Length > 0 ? [kill.NotKnown] : Array.Empty<string>(),
        ];
        return string.Join("; ", parts);
    }

    // A container's victim is told by its name, and the event names the unit.
    private static string Where(OomKill kill) => kill.Place switch
    {
        OomPlace.Qm => " of QM",
        OomPlace.Host => " of the host",
        OomPlace.Nested when kill.Comm.Length == 0 => $" of {Short(kill.Unit)}",
        _ => "",
    };

    private static IEnumerable<string> Facts(OomKill kill)
    {
        if (kill.Pid > 0)
        {
            yield return FormattableString.Invariant($"pid {kill.Pid}");
        }

        if (kill.ScoreAdjust is { } adjust)
        {
            yield return kill.Score is { } score ? FormattableString.Invariant($"score {score}") : FormattableString.Invariant($"oom_score_adj {adjust}");
        }

        if (Cause(kill) is { Length: > 0 } cause)
        {
            yield return cause;
        }
    }

    private static string Cause(OomKill kill) => kill.Cause switch
    {
        OomCause.Limit when kill.LimitCgroup.Length > 0 => $"limit of {Short(OomCgroup.Of(kill.LimitCgroup).Unit)}{(kill.LimitBytes is > 0 and var bytes ? $" {Sizes.Format((ulong)bytes)}" : "")}",
        OomCause.Limit => "limit of a cgroup",
        OomCause.Machine => "the whole machine was out of memory",
        OomCause.Cpuset => "the memory nodes of its cpuset were full",
        OomCause.MemoryPolicy => "the memory nodes of its policy were full",
        _ => "",
    };

    private static string Short(string unit) => unit != "qm.service" && unit.EndsWith(Service, StringComparison.Ordinal) ? unit[..^Service.Length] : unit;
}

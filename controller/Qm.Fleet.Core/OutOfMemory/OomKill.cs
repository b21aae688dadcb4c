namespace Qm.Fleet.Core.OutOfMemory;

/// <summary>What the kernel was short of. The numbers are those of gateway.proto.</summary>
public enum OomCause
{
    /// <summary>It cannot be told.</summary>
    Unknown = 0,

    /// <summary>The memory.max of a cgroup.</summary>
    Limit = 1,

    /// <summary>The memory of the whole machine.</summary>
    Machine = 2,

    /// <summary>The memory nodes of a cpuset.</summary>
    Cpuset = 3,

    /// <summary>The memory nodes of a memory policy.</summary>
    MemoryPolicy = 4,
}

/// <summary>Where a victim ran. The numbers are those of gateway.proto.</summary>
public enum OomPlace
{
    /// <summary>It cannot be told.</summary>
    Unknown = 0,

    /// <summary>On the host, outside QM.</summary>
    Host = 1,

    /// <summary>In QM, in no container.</summary>
    Qm = 2,

    /// <summary>In a container inside QM.</summary>
    Nested = 3,
}

/// <summary>One kill of the kernel's OOM killer: a victim, and with memory.oom.group everybody in its group.</summary>
public sealed record OomKill
{
    /// <summary>
    /// Names it within the node's boot: <c>kmsg:1234</c>, the record that says it, or <c>memory.events:libpod-payload-...:3</c>, the counter that
    /// does where the kernel log says nothing.
    /// </summary>
    public required string Record { get; init; }

    /// <summary>When, in microseconds since boot; null when only a counter tells.</summary>
    public long? Microseconds { get; init; }

    /// <summary>Where the victim ran.</summary>
    public OomPlace Place { get; init; }

    /// <summary>The victim's cgroup, such as <c>/qm.service/libpod-payload-.../system.slice/radio.service/...</c>; empty when unknown.</summary>
    public string Cgroup { get; init; } = "";

    /// <summary>The victim's unit, on the host or inside QM as <see cref="Place"/> says; empty when unknown.</summary>
    public string Unit { get; init; } = "";

    /// <summary>The victim's id on the host; 0 when unknown.</summary>
    public int Pid { get; init; }

    /// <summary>The victim's name, at most 15 bytes; empty when unknown.</summary>
    public string Comm { get; init; } = "";

    /// <summary>The victim's oom_score_adj, -1000 to 1000; null when unknown.</summary>
    public int? ScoreAdjust { get; init; }

    /// <summary>What the kernel chose it by: its oom_score_adj and the thousandths of the limit it used; null when either is unknown.</summary>
    public int? Score { get; init; }

    /// <summary>The victim's anonymous memory in bytes; null when unknown.</summary>
    public long? AnonBytes { get; init; }

    /// <summary>What was short.</summary>
    public OomCause Cause { get; init; }

    /// <summary>The cgroup whose limit was hit; empty when none was, or it is unknown.</summary>
    public string LimitCgroup { get; init; } = "";

    /// <summary>That limit in bytes; null when unknown.</summary>
    public long? LimitBytes { get; init; }

    /// <summary>How many processes died, at least 1.</summary>
    public int Killed { get; init; } = 1;

    /// <summary>The cgroup whose memory.oom.group took the others along; empty when none did.</summary>
    public string GroupCgroup { get; init; } = "";

    /// <summary>What is not known and why, a sentence; empty when everything is.</summary>
    public string NotKnown { get; init; } = "";
}

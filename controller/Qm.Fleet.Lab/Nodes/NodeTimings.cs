namespace Qm.Fleet.Lab.Nodes;

/// <summary>How long things take on an emulated node.</summary>
internal sealed record NodeTimings
{
    /// <summary>Fast enough for tests: every order of events is kept, the waits are milliseconds.</summary>
    public static NodeTimings Fast { get; } = new();

    /// <summary>What a real QM on an emulated two-core machine was measured to take.</summary>
    public static NodeTimings Realistic { get; } = new()
    {
        Start = TimeSpan.FromMilliseconds(1500),
        Stop = TimeSpan.FromMilliseconds(3600),
        Kill = TimeSpan.FromSeconds(10),
        QmBoot = TimeSpan.FromMilliseconds(3560),
        DaemonReload = TimeSpan.FromMilliseconds(1650),
        AgentReconnect = TimeSpan.FromMilliseconds(235),
        AgentRetry = TimeSpan.FromSeconds(2),
        AutoRestart = TimeSpan.FromMilliseconds(100),
        CrashAfter = TimeSpan.FromSeconds(1),
    };

    /// <summary>From <c>activating</c> to <c>active</c> for a container.</summary>
    public TimeSpan Start { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>From <c>deactivating</c> to <c>inactive</c> for a container.</summary>
    public TimeSpan Stop { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary><see cref="Start"/> for a plain service.</summary>
    public TimeSpan ServiceStart { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary><see cref="Stop"/> for a plain service.</summary>
    public TimeSpan ServiceStop { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>What podman waits, on top of <see cref="Stop"/>, before it kills a container whose first process ignores SIGTERM.</summary>
    public TimeSpan Kill { get; init; } = TimeSpan.FromMilliseconds(40);

    /// <summary>From <c>qm.service</c> active to the BlueChi agent inside QM being registered.</summary>
    public TimeSpan QmBoot { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>How long a daemon-reload takes.</summary>
    public TimeSpan DaemonReload { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>From a BlueChi agent's restart to its registration.</summary>
    public TimeSpan AgentReconnect { get; init; } = TimeSpan.FromMilliseconds(15);

    /// <summary>How long a BlueChi agent that was refused waits before it tries again (its <c>HeartbeatInterval</c>).</summary>
    public TimeSpan AgentRetry { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a unit that crashes after every start lives.</summary>
    public TimeSpan CrashAfter { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>What systemd waits before an automatic restart (<c>RestartSec</c>).</summary>
    public TimeSpan AutoRestart { get; init; } = TimeSpan.FromMilliseconds(10);
}

namespace Qm.Fleet.BlueChi;

/// <summary>How BlueChi is reached, and how long is waited for it.</summary>
public sealed class BlueChiOptions
{
    /// <summary>Where bluechi-controller is: <c>system</c> for the system bus, <c>ssh:[USER@]HOST</c> for that of another host, or a D-Bus address (<c>unix:</c>, <c>tcp:</c>, <c>unixexec:</c>).</summary>
    public string Address { get; set; } = "system";

    /// <summary>Longest wait for a plain call; above the 30 s after which BlueChi itself gives up on an agent.</summary>
    public TimeSpan CallDeadline { get; set; } = TimeSpan.FromSeconds(35);

    /// <summary>Longest wait for a job; BlueChi has no limit of its own.</summary>
    public TimeSpan JobDeadline { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Longest wait for a harmless question by which a silent agent is found out before it is given something to do.</summary>
    public TimeSpan ProbeDeadline { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often systemd is asked about a job whose end is not told.</summary>
    public TimeSpan JobProbeInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How often everything is worth a look though nothing was said, as a net for lost signals.</summary>
    public TimeSpan ResyncInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Signals per second that a node may keep up; one that sends more is asked now and then instead.</summary>
    public int FloodLimit { get; set; } = 500;

    /// <summary>How long a node that sends too much is not listened to.</summary>
    public TimeSpan FloodPause { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a node that is not listened to is worth a look.</summary>
    public TimeSpan FloodResync { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest wait for the bus to accept a connection.</summary>
    public TimeSpan ConnectDeadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>First pause before the bus is tried again; it doubles.</summary>
    public TimeSpan ReconnectInitial { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest pause before the bus is tried again.</summary>
    public TimeSpan ReconnectMax { get; set; } = TimeSpan.FromSeconds(10);
}

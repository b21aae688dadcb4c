namespace Qm.Fleet.BlueChi;

/// <summary>How BlueChi is reached, and how long is waited for it.</summary>
public sealed class BlueChiOptions
{
    /// <summary>A D-Bus address of the bus that bluechi-controller is on, or <c>system</c> for the system bus.</summary>
    public string Address { get; set; } = "system";

    /// <summary>Longest wait for a plain call; above the 30 s after which BlueChi itself gives up on an agent.</summary>
    public TimeSpan CallDeadline { get; set; } = TimeSpan.FromSeconds(35);

    /// <summary>Longest wait for a job; BlueChi has no limit of its own.</summary>
    public TimeSpan JobDeadline { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Longest wait for the bus to accept a connection.</summary>
    public TimeSpan ConnectDeadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>First pause before the bus is tried again; it doubles.</summary>
    public TimeSpan ReconnectInitial { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest pause before the bus is tried again.</summary>
    public TimeSpan ReconnectMax { get; set; } = TimeSpan.FromSeconds(10);
}

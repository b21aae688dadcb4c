using System.Globalization;

namespace Qm.Fleet.Core.BlueChiConf;

/// <summary>What a <c>bluechi-agent</c> starts with, as far as its link to the controller goes.</summary>
/// <param name="conf">Its files, merged.</param>
public sealed class AgentConf(EffectiveConf conf)
{
    /// <summary>The section of all its settings.</summary>
    public const string SectionName = "bluechi-agent";

    /// <summary>Where its files lie, vendor's first: <c>usr/share/bluechi-agent/config/agent.conf</c>, <c>etc/bluechi/agent.conf</c>, <c>etc/bluechi/agent.conf.d</c>.</summary>
    public const string VendorPath = "usr/share/bluechi-agent/config/agent.conf";

    /// <summary>The administrator's file, below <c>/etc</c>.</summary>
    public const string MainPath = "bluechi/agent.conf";

    /// <summary>The directory of drop-ins, below <c>/etc</c>.</summary>
    public const string DropInDirectory = "bluechi/agent.conf.d";

    /// <summary>TCP port of the controller unless a file says otherwise.</summary>
    public const int DefaultPort = 842;

    private const string DefaultHost = "127.0.0.1";

    /// <summary>All settings with where they come from.</summary>
    public EffectiveConf Settings => conf;

    /// <summary>Merges an agent's files.</summary>
    public static AgentConf Merge(ConfFile? vendor, ConfFile? main, IEnumerable<ConfFile> dropIns) =>
        new(EffectiveConf.Merge(SectionName, vendor, main, dropIns));

    /// <summary>The name the agent registers.</summary>
    /// <param name="hostName">What <c>gethostname</c> answers where it runs.</param>
    /// <returns>Null when it registers none, because it does not start: a file is damaged, or sets an empty name.</returns>
    public string? NodeName(string hostName) =>
        conf.FatalBecause is null && (conf.Values.GetValueOrDefault("NodeName")?.Value ?? hostName) is { Length: > 0 } name ? name : null;

    /// <summary>The D-Bus address it connects to: ControllerAddress, or one made of ControllerHost and ControllerPort.</summary>
    public string Address => conf.Values.GetValueOrDefault("ControllerAddress")?.Value is { Length: > 0 } address ? address
        : string.Create(CultureInfo.InvariantCulture,
            $"tcp:host={conf.Values.GetValueOrDefault("ControllerHost")?.Value ?? DefaultHost},port={conf.Values.GetValueOrDefault("ControllerPort")?.Value ?? $"{DefaultPort}"}");
}

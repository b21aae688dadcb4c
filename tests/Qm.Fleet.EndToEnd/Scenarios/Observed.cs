using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Qm.Fleet.EndToEnd.Scenarios;

/// <summary>What is known of the nodes of a scenario: <c>observed.yaml</c>.</summary>
internal sealed class Observed
{
    /// <summary>The time; noon of a Monday unless it says otherwise.</summary>
    public string Now { get; set; } = "2026-06-01T12:00:00Z";

    public List<ObservedNodes> Nodes { get; set; } = [];

    internal DateTimeOffset Time => DateTimeOffset.Parse(Now, CultureInfo.InvariantCulture);

    internal static Observed Read(string path) =>
        new DeserializerBuilder().WithNamingConvention(CamelCaseNamingConvention.Instance).Build().Deserialize<Observed>(File.ReadAllText(path));
}

/// <summary>Nodes that are alike.</summary>
internal sealed partial class ObservedNodes
{
    /// <summary>A name, or such as <c>ecu[01-20]</c>.</summary>
    public string Name { get; set; } = "";

    public Dictionary<string, string> Labels { get; set; } = [];

    /// <summary>What it has: before (what before.yaml says, confirmed), nothing, or the name of a revision that nobody knows.</summary>
    public string Has { get; set; } = "before";

    /// <summary>online, offline or unknown.</summary>
    public string Host { get; set; } = "online";

    /// <summary>Whether QM runs and is heard.</summary>
    public bool Qm { get; set; } = true;

    /// <summary>Whether the agent extension is connected.</summary>
    public bool Extension { get; set; } = true;

    public bool Cordoned { get; set; }

    /// <summary>In GiB.</summary>
    public long Memory { get; set; } = 8;

    public int Cpus { get; set; } = 4;

    /// <summary>Why the revision failed there before; empty when it did not.</summary>
    public string KnownBad { get; set; } = "";

    /// <summary>Other fleets that want it.</summary>
    public List<string> Others { get; set; } = [];

    /// <summary>Units of the host, each with its state.</summary>
    public Dictionary<string, string> Units { get; set; } = [];

    /// <summary>Kinds of owned files that somebody changed by hand.</summary>
    public List<string> Edited { get; set; } = [];

    internal IEnumerable<string> Names
    {
        get
        {
            if (Range().Match(Name) is not { Success: true } range)
            {
                return [Name];
            }

            var (from, to, width) = (int.Parse(range.Groups[2].Value, CultureInfo.InvariantCulture), int.Parse(range.Groups[3].Value, CultureInfo.InvariantCulture), range.Groups[2].Length);
            return Enumerable.Range(from, to - from + 1).Select(number => range.Groups[1].Value + number.ToString(CultureInfo.InvariantCulture).PadLeft(width, '0'));
        }
    }

    [GeneratedRegex(@"^(.*)\[(\d+)-(\d+)\]$")]
    private static partial Regex Range();
}

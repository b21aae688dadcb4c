using System.Globalization;

namespace Qm.Fleet.Lab.Control;

/// <summary>A fault that is on.</summary>
/// <param name="Node">The BlueChi node, or <see cref="BlueChi"/>.</param>
/// <param name="Name">Its word on the command line.</param>
/// <param name="Detail">What it concerns; may be empty.</param>
internal sealed record ActiveFault(string Node, string Name, string Detail)
{
    /// <summary>What stands for bluechi-controller where nodes are named.</summary>
    public const string BlueChi = "bluechi";

    /// <summary>A duration as it is typed on the command line.</summary>
    public static string Text(TimeSpan span) => span.TotalSeconds >= 1 && span.Ticks % TimeSpan.TicksPerSecond == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0}s")
        : string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds:0}ms");
}

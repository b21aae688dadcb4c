using System.Globalization;
using System.Text;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>Names, interfaces and object paths of BlueChi's D-Bus API.</summary>
internal static class BlueChiNames
{
    public const string Bus = "org.eclipse.bluechi";
    public const string Controller = "org.eclipse.bluechi.Controller";
    public const string Node = "org.eclipse.bluechi.Node";
    public const string Job = "org.eclipse.bluechi.Job";
    public const string Monitor = "org.eclipse.bluechi.Monitor";
    public const string Metrics = "org.eclipse.bluechi.Metrics";

    /// <summary>The lab's own addition, at <see cref="LabPath"/>; no part of BlueChi.</summary>
    public const string Lab = "org.eclipse.bluechi.lab1";

    public const string Root = "/org/eclipse/bluechi";
    public const string MetricsPath = Root + "/metrics";
    public const string LabPath = Root + "/lab";

    public static string NodePath(string node) => $"{Root}/node/{Escape(node)}";

    public static string JobPath(uint id) => string.Create(CultureInfo.InvariantCulture, $"{Root}/job/{id}");

    public static string MonitorPath(uint id) => string.Create(CultureInfo.InvariantCulture, $"{Root}/monitor/{id}");

    /// <summary>systemd's escaping of path elements: a letter, or a digit that is not first, stays; any other byte becomes <c>_</c> and two hex digits.</summary>
    public static string Escape(string name)
    {
        var escaped = new StringBuilder();
        foreach (var unit in Encoding.UTF8.GetBytes(name))
        {
            if (char.IsAsciiLetter((char)unit) || (char.IsAsciiDigit((char)unit) && escaped.Length > 0))
            {
                escaped.Append((char)unit);
            }
            else
            {
                escaped.Append('_').Append(unit.ToString("x2", CultureInfo.InvariantCulture));
            }
        }

        return escaped.Length == 0 ? "_" : escaped.ToString();
    }
}

using System.Globalization;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>What the commands of a plain service do, as far as they are understood: <c>/bin/sleep</c>, <c>/bin/true</c>, <c>/bin/false</c>; any other runs on.</summary>
/// <param name="Before">How long ExecStartPre= takes.</param>
/// <param name="Fails">Whether the start fails.</param>
/// <param name="Ends">Whether the unit is inactive again once the start is done: a oneshot that does not remain.</param>
/// <param name="CanReload">Whether there is an ExecReload=.</param>
internal sealed record ServiceCommands(TimeSpan Before, bool Fails, bool Ends, bool CanReload)
{
    internal static ServiceCommands Of(LoadedUnit? unit)
    {
        var before = unit?.Setting("Service", "ExecStartPre")?.Split(' ') is ["/bin/sleep", var seconds]
            && double.TryParse(seconds, CultureInfo.InvariantCulture, out var count) ? TimeSpan.FromSeconds(count) : TimeSpan.Zero;
        var isOneshot = unit?.Setting("Service", "Type") == "oneshot";
        return new(
            before,
            isOneshot && unit?.Setting("Service", "ExecStart") == "/bin/false",
            isOneshot && unit?.Setting("Service", "RemainAfterExit") is not ("yes" or "true"),
            unit?.Setting("Service", "ExecReload") is not null);
    }
}

using System.Globalization;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>What the commands of a plain service do, as far as they are understood: <c>/bin/sleep</c>, <c>/bin/true</c>, <c>/bin/false</c>; any other runs on.</summary>
/// <param name="Before">How long ExecStartPre= takes.</param>
/// <param name="Main">What ExecStart= does.</param>
/// <param name="IsOneshot">Whether the start is done when ExecStart= has ended, and not when it has begun.</param>
/// <param name="Remains">Whether the unit is active after ExecStart= has ended well.</param>
/// <param name="CanReload">Whether there is an ExecReload=.</param>
internal sealed record ServiceCommands(TimeSpan Before, ServiceCommand Main, bool IsOneshot, bool Remains, bool CanReload)
{
    /// <summary>How long a start takes.</summary>
    internal TimeSpan Start => Before + (IsOneshot ? Main.Runs ?? TimeSpan.Zero : TimeSpan.Zero);

    /// <summary>Whether the start fails.</summary>
    internal bool Fails => IsOneshot && Main.ExitStatus != 0;

    internal static ServiceCommands Of(LoadedUnit? unit) => new(
        ServiceCommand.Parse(unit?.Setting("Service", "ExecStartPre")).Runs ?? TimeSpan.Zero,
        ServiceCommand.Parse(unit?.Setting("Service", "ExecStart")),
        unit?.Setting("Service", "Type") == "oneshot",
        unit?.Setting("Service", "RemainAfterExit") is "yes" or "true",
        unit?.Setting("Service", "ExecReload") is not null);
}

/// <summary>What a command does.</summary>
/// <param name="Runs">For how long; null for ever.</param>
/// <param name="ExitStatus">How it ends.</param>
internal sealed record ServiceCommand(TimeSpan? Runs, int ExitStatus)
{
    internal static ServiceCommand Parse(string? line) => line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) switch
    {
        ["/bin/true"] => new(TimeSpan.Zero, 0),
        ["/bin/false"] => new(TimeSpan.Zero, 1),
        ["/bin/sleep", var text] when decimal.TryParse(text, CultureInfo.InvariantCulture, out var seconds) => new(TimeSpan.FromSeconds((double)seconds), 0),
        _ => new(null, 0),
    };
}

using Qm.Fleet.Controller.Options;

namespace Qm.Fleet.Benchmarks;

/// <summary>A controller that holds nobody back, where something else is measured than how it does that.</summary>
internal static class WideLimits
{
    /// <summary>Each at its most.</summary>
    internal static ControllerLimits All { get; } = LimitOption.All.Aggregate(new ControllerLimits(), static (limits, option) => option.With(limits, option.Most));
}

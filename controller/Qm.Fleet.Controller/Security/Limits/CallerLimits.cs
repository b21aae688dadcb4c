using Qm.Fleet.Controller.Options;
using Qm.Fleet.Core.Access;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>What one identity may have and do.</summary>
/// <param name="Connections">At once.</param>
/// <param name="Streams">At once, over all its connections.</param>
/// <param name="Calls">Single calls at once, over all its connections.</param>
/// <param name="Requests">How often it may begin either.</param>
internal sealed record CallerLimits(int Connections, int Streams, int Calls, Pace Requests)
{
    /// <summary>What one may do at once after a rest: that of so many seconds. What is more comes one after the other, or it would be before others all the same.</summary>
    public const double BurstSeconds = 0.1;

    /// <summary>A stream counts as so many requests: it may begin with all there is.</summary>
    public const int StreamCost = 5;

    /// <summary>How long a request waits for its turn.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>A node's agent has one stream, and fetches an archive at times; what is more comes from a node that dials in again and again.</summary>
    public static readonly CallerLimits Node = new(16, 16, 32, new Pace(PerSecond: 20, Burst: 10));

    /// <summary>How much faster than others a process on the Unix socket may be, and at once what a second gives: it is root's, and could as well stop the controller.</summary>
    public const int LocalFactor = 5;

    /// <summary>What holds for somebody with a certificate or a token, and for all at one address who have neither.</summary>
    public static CallerLimits Person(ControllerLimits limits) =>
        new(limits.ConnectionsPerIdentity, limits.StreamsPerIdentity, limits.CallsPerIdentity, Pace.Of(limits.RequestsPerIdentity, BurstSeconds));

    /// <summary>What holds for somebody.</summary>
    public static CallerLimits Of(CallerIdentity caller, ControllerLimits limits) =>
        caller.Role == AccessRole.Agent.Name ? Node
        : caller.IsLocal ? Person(limits) with { Requests = Pace.Of(limits.RequestsPerIdentity * LocalFactor, seconds: 1) }
        : Person(limits);
}

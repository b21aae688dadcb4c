using System.Collections.Immutable;

namespace Qm.Fleet.Controller.Options;

/// <summary>An option that sets one of <see cref="ControllerLimits"/>.</summary>
/// <param name="Name">As the command line names it.</param>
/// <param name="Description">What it bounds.</param>
/// <param name="Least">The least it may be.</param>
/// <param name="Most">The most it may be.</param>
/// <param name="Get">Reads it.</param>
/// <param name="With">Limits with another value of it.</param>
internal sealed record LimitOption(
    string Name, string Description, int Least, int Most, Func<ControllerLimits, int> Get, Func<ControllerLimits, int, ControllerLimits> With)
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<LimitOption> All { get; } =
    [
        new("--requests-per-identity", "Requests of one identity per second", 1, 100_000,
            static limits => limits.RequestsPerIdentity, static (limits, value) => limits with { RequestsPerIdentity = value }),
        new("--requests-per-address", "Requests of one address per second on connections without a certificate", 1, 100_000,
            static limits => limits.RequestsPerAddress, static (limits, value) => limits with { RequestsPerAddress = value }),
        new("--calls-per-identity", "Single calls of one identity at once", 1, 100_000,
            static limits => limits.CallsPerIdentity, static (limits, value) => limits with { CallsPerIdentity = value }),
        new("--streams-per-identity", "Streams of one identity at once", 1, 100_000,
            static limits => limits.StreamsPerIdentity, static (limits, value) => limits with { StreamsPerIdentity = value }),
        new("--request-memory-per-identity", "MiB that the requests of one identity that are under way hold together", 4, 100_000,
            static limits => limits.RequestMemoryPerIdentity, static (limits, value) => limits with { RequestMemoryPerIdentity = value }),
        new("--connections-per-identity", "Connections of one identity at once, and of one address without an identity", 1, 1_000_000,
            static limits => limits.ConnectionsPerIdentity, static (limits, value) => limits with { ConnectionsPerIdentity = value }),
        new("--connections", "Connections in all", 16, 1_000_000,
            static limits => limits.Connections, static (limits, value) => limits with { Connections = value }),
        new("--handshakes-per-address", "TLS handshakes of one address per second that fail or are of nobody", 1, 100_000,
            static limits => limits.HandshakesPerAddress, static (limits, value) => limits with { HandshakesPerAddress = value }),
        new("--unfinished-per-address", "Connections of one address that have not come through their TLS handshake", 1, 100_000,
            static limits => limits.UnfinishedPerAddress, static (limits, value) => limits with { UnfinishedPerAddress = value }),
        new("--handshake-timeout", "Time after which a TLS handshake is given up, in seconds", 1, 300,
            static limits => limits.HandshakeTimeout, static (limits, value) => limits with { HandshakeTimeout = value }),
        new("--messages-per-node", "Messages of one node's agent per second", 1, 100_000,
            static limits => limits.MessagesPerNode, static (limits, value) => limits with { MessagesPerNode = value }),
        new("--reports-per-node", "Reports of one node's agent per second that nobody asked for", 1, 100_000,
            static limits => limits.ReportsPerNode, static (limits, value) => limits with { ReportsPerNode = value }),
    ];

    /// <summary>What is wrong with it in some limits; null when nothing is.</summary>
    public string? Problem(ControllerLimits limits) =>
        Get(limits) is var value && value >= Least && value <= Most ? null : $"{Name}: {value} is not within {Least} and {Most}";
}

namespace Qm.Fleet.Controller.Options;

/// <summary>How much one client may take, so that the others keep theirs. No honest client of a fleet of 10,000 nodes meets the defaults.</summary>
internal sealed record ControllerLimits
{
    /// <summary>Requests of one identity, per second; five times as many on the Unix socket, and 20 of a node.</summary>
    public int RequestsPerIdentity { get; init; } = 100;

    /// <summary>Requests of one address, per second, on connections without a certificate.</summary>
    public int RequestsPerAddress { get; init; } = 1000;

    /// <summary>Single calls of one identity at once.</summary>
    public int CallsPerIdentity { get; init; } = 500;

    /// <summary>Streams of one identity at once.</summary>
    public int StreamsPerIdentity { get; init; } = 200;

    /// <summary>MiB that the requests of one identity that are under way may hold together.</summary>
    public int RequestMemoryPerIdentity { get; init; } = 32;

    /// <summary>Connections of one identity at once, and of one address without an identity.</summary>
    public int ConnectionsPerIdentity { get; init; } = 500;

    /// <summary>Connections in all.</summary>
    public int Connections { get; init; } = 20_000;

    /// <summary>TLS handshakes of one address that fail or are of nobody, per second; one certificate is given back a tenth of it.</summary>
    public int HandshakesPerAddress { get; init; } = 100;

    /// <summary>Connections of one address that have not come through their handshake.</summary>
    public int UnfinishedPerAddress { get; init; } = 1000;

    /// <summary>Seconds after which a handshake that is not done is given up.</summary>
    public int HandshakeTimeout { get; init; } = 10;

    /// <summary>Messages of one node's agent, per second; one of more than 64 KiB counts as several.</summary>
    public int MessagesPerNode { get; init; } = 50;

    /// <summary>Reports that one node's agent makes without being asked, of evidence, usage, probes and kills, per second. One of ours makes at most 13.</summary>
    public int ReportsPerNode { get; init; } = 15;
}

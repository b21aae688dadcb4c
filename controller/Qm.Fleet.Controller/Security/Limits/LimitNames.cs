namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>The limits as metrics and events name them, and <c>deploy/docs/limits.md</c> explains them.</summary>
internal static class LimitNames
{
    public const string Requests = "requests";
    public const string AddressRequests = "address-requests";
    public const string Calls = "calls";
    public const string Streams = "streams";
    public const string RequestMemory = "request-memory";
    public const string Connections = "connections";
    public const string Handshakes = "handshakes";
    public const string Unfinished = "unfinished-connections";
    public const string Messages = "node-messages";
    public const string Reports = "node-reports";
    public const string CutOff = "node-cut-off";
    public const string Guesses = "token-guesses";
    public const string Body = "request-body";

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<string> All = [Requests, AddressRequests, Calls, Streams, RequestMemory, Connections, Handshakes, Unfinished, Messages, Reports, CutOff, Guesses, Body];
}

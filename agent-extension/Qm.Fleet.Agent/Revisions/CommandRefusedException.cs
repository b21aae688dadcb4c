namespace Qm.Fleet.Agent.Revisions;

/// <summary>A command cannot be done; nothing has changed.</summary>
/// <param name="reason">A CamelCase word for programs, such as FileNotOwned.</param>
/// <param name="message">A sentence for people: what, where, why, what to do.</param>
internal sealed class CommandRefusedException(string reason, string message) : Exception(message)
{
    /// <summary>The CamelCase word.</summary>
    public string Reason { get; } = reason;
}

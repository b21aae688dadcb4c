namespace Qm.Fleet.Controller.Tests.Security;

internal static class SecurityFacts
{
    /// <summary>How the audit trail names this process on the Unix socket.</summary>
    public static string LocalActor { get; } = Environment.IsPrivilegedProcess ? "local:root" : $"local:uid{Uid()}";

    private static string Uid() => File.ReadLines("/proc/self/status").First(static line => line.StartsWith("Uid:", StringComparison.Ordinal))
        .Split('\t', StringSplitOptions.RemoveEmptyEntries)[2];
}

using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Cli.Contexts;

/// <summary>A server under a name, and who one is there.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="Server">As --server takes it.</param>
/// <param name="Pki">As --pki takes it; null for a Unix socket, which needs none.</param>
/// <param name="Token">As --token takes it; null for who shows a certificate.</param>
/// <param name="TokenFile">As --token-file takes it; null for none.</param>
internal sealed record FleetContext(string Name, string Server, string? Pki, Secret? Token, string? TokenFile = null);

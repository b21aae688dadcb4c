using Qm.Fleet.BlueChi.Tests.Conformance.Containers;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Containers.Node;

/// <summary>Runs scripts in a container, each in a process of its own.</summary>
internal sealed class ContainerShell(NodeContainer container) : NodeShell
{
    // What a script waits for has its own, shorter deadline.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    /// <inheritdoc/>
    internal override async Task<ShellResult> TryAsync(string script, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Longest);
        var result = await container.TryAsync(limit.Token, "/bin/sh", "-c", $"exec 2>&1; {script}");
        return new((int)(result.ExitCode ?? throw new InvalidOperationException($"Docker did not tell how it ended: {script}")), result.Stdout.TrimEnd('\n'));
    }
}

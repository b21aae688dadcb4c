namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>How a script on a node ended.</summary>
/// <param name="Status">Its exit status.</param>
/// <param name="Output">What it wrote, both streams, without the last newline.</param>
internal sealed record ShellResult(int Status, string Output);

/// <summary>Runs scripts on a node as root.</summary>
internal abstract class NodeShell
{
    /// <summary>Runs a script; it must end with 0.</summary>
    /// <returns>Its output.</returns>
    internal async Task<string> RunAsync(string script, CancellationToken ct)
    {
        var result = await TryAsync(script, ct);
        return result.Status == 0 ? result.Output : throw new InvalidOperationException($"on the node ended with {result.Status}: {script}\n{result.Output}");
    }

    /// <summary>Runs a script, however it ends.</summary>
    internal abstract Task<ShellResult> TryAsync(string script, CancellationToken ct);

    /// <summary>Waits on the node until a condition of its shell holds.</summary>
    /// <param name="condition">Such as <c>test -e /run/x</c>.</param>
    /// <param name="seconds">The deadline.</param>
    /// <param name="ct">Ends the wait.</param>
    internal async Task UntilAsync(string condition, int seconds, CancellationToken ct)
    {
        var result = await TryAsync($"end=$(($(date +%s) + {seconds})); until {condition}; do test $(date +%s) -lt $end || exit 1; sleep 0.3; done", ct);
        Assert.True(result.Status == 0, $"not so within {seconds} s: {condition}\n{result.Output}");
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Waits for resources, each through its own watch, or by asking again where nobody tells changes.</summary>
/// <param name="connection">To the server.</param>
/// <param name="context">Where it is told, and the time.</param>
/// <param name="limit">How long, for all of them together.</param>
internal sealed class ResourceWait(FleetConnection connection, CliContext context, TimeSpan limit)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Waits for all; what is met is told as it is.</summary>
    /// <returns>The worst <see cref="ExitCode"/> of them: done, failed, not found or timed out.</returns>
    internal async Task<int> ForAllAsync(IReadOnlyList<(ResourceKind Kind, string Name, WaitCondition Condition)> targets, CancellationToken ct)
    {
        using var timer = new CancellationTokenSource(limit, context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timer.Token);
        var end = ExitCode.Done;
        foreach (var (kind, name, condition) in targets)
        {
            var one = await ForAsync(kind, name, condition, either.Token, ct);
            end = one == ExitCode.Done ? end : one;
        }

        return end;
    }

    private async Task<int> ForAsync(ResourceKind kind, string name, WaitCondition condition, CancellationToken either, CancellationToken ct)
    {
        var what = PlainText.Of($"{kind.Name}/{name}");
        var state = "nothing was heard yet";
        try
        {
            await foreach (var resource in StatesAsync(kind, name, condition is WaitCondition.Gone, either, ct))
            {
                if (resource is null)
                {
                    var isWanted = condition is WaitCondition.Gone;
                    await (isWanted ? context.Out : context.Error).WriteLineAsync($"{what} {(isWanted ? "is gone" : "was deleted while it was waited for")}");
                    return isWanted ? ExitCode.Done : ExitCode.Failed;
                }

                var (isMet, failure) = condition.Judge(resource);
                if (isMet || failure is not null)
                {
                    await (isMet ? context.Out : context.Error).WriteLineAsync(PlainText.Of($"{what} {(isMet ? "condition met" : failure)}"));
                    return isMet ? ExitCode.Done : ExitCode.Failed;
                }

                var now = PlainText.Of(condition.Describe(resource));
                if (now != state)
                {
                    state = now;
                    await context.Error.WriteLineAsync($"{what}: {now}");
                }
            }
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException && either.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            await context.Error.WriteLineAsync($"{what}: not so after {Durations.Show(limit)}: {state}");
            return ExitCode.TimedOut;
        }

        throw new UnreachableException();
    }

    // As it is, then as it becomes; null when it is gone.
    private async IAsyncEnumerable<IMessage?> StatesAsync(
        ResourceKind kind, string name, bool mayBeGone, CancellationToken either, [EnumeratorCancellation] CancellationToken ct)
    {
        // Each is looked at once, also when those before it took all the time there was; what is not there from the start is not waited for.
        yield return mayBeGone ? await GetAsync(kind, name, ct) : (await kind.GetAsync(connection, name, ct))[0];
        if (kind.HasSnapshot && kind.Watch(connection, context, kind.QueryOf(name)) is { } watching)
        {
            await foreach (var change in watching.RunAsync("", either).Where(change => change.Name == name))
            {
                yield return change.Type == V1.ChangeType.Deleted ? null : change.Resource;
            }
        }

        while (true)
        {
            await Task.Delay(Pause, context.Time, either);
            yield return await GetAsync(kind, name, either);
        }
    }

    private async Task<IMessage?> GetAsync(ResourceKind kind, string name, CancellationToken ct)
    {
        try
        {
            return (await kind.GetAsync(connection, name, ct))[0];
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
    }
}

using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.Probes;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Probes;

/// <summary>A desk over containers and answers that the test makes up, in time that the test makes pass.</summary>
internal sealed class ScriptedProbes : IProber, IProbeTargets, IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(500);
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly ConcurrentQueue<(string Unit, TimeSpan At)> _made = new();
    private readonly DateTimeOffset _start;
    private readonly Task _running;
    private int _atOnce;

    public ScriptedProbes(double jitter = 0)
    {
        _start = Time.GetUtcNow();
        Desk = new(this, this, () => jitter, Time);
        _running = Desk.RunAsync(_stop.Token);
    }

    public FakeTimeProvider Time { get; } = new();

    public ProbeDesk Desk { get; }

    /// <summary>What each probe of a unit answers; success where nothing is said.</summary>
    public ConcurrentDictionary<string, Func<Task<ProbeOutcome>>> Answers { get; } = new();

    /// <summary>The containers that run.</summary>
    public ConcurrentDictionary<string, ProbeTarget> Containers { get; } = new();

    /// <summary>The most probes that were under way at once.</summary>
    public int MostAtOnce { get; private set; }

    /// <summary>When each probe of a unit began, from the test's beginning.</summary>
    public IReadOnlyList<TimeSpan> Made(string unit) => [.. _made.Where(made => made.Unit == unit).Select(made => made.At)];

    public ProbeResult Result(string unit) => Desk.Results().Single(result => result.Unit == unit);

    public static ProbeTarget Container(string id) => new(492, "/sys/fs/cgroup/qm.service/libpod-payload-0f", $"system.slice/x.service/libpod-payload-{id}");

    public static Probe Probe(string unit, int period = 10, int failureThreshold = 3, int initialDelay = 0) => new()
    {
        Unit = unit,
        LivenessProbe = new() { UnixSocket = new() { Path = "/run/x" }, PeriodSeconds = period, FailureThreshold = failureThreshold, InitialDelaySeconds = initialDelay },
    };

    /// <summary>Lets time pass until something holds.</summary>
    public async Task UntilAsync(Func<bool> holds)
    {
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, _stop.Token);
        while (!holds())
        {
            Time.Advance(Step);
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, either.Token);
        }
    }

    public async Task<ProbeOutcome> ProbeAsync(ProbedWorkload workload, ProbeTarget target, CancellationToken cancellationToken)
    {
        _made.Enqueue((workload.Unit, Time.GetUtcNow() - _start));
        lock (_made)
        {
            MostAtOnce = Math.Max(MostAtOnce, ++_atOnce);
        }

        try
        {
            return await (Answers.TryGetValue(workload.Unit, out var answer) ? answer() : Task.FromResult(ProbeOutcome.Success)).WaitAsync(cancellationToken);
        }
        finally
        {
            lock (_made)
            {
                _atOnce--;
            }
        }
    }

    public IReadOnlyDictionary<string, ProbeTarget> Read() => Containers.ToDictionary();

    public bool Runs(ProbeTarget target) => Containers.Values.Contains(target);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Desk.Dispose();
        _stop.Dispose();
    }
}

using System.Runtime.CompilerServices;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>Everything that a client was told, in the order in which it was; waiting for something goes on from where the last wait ended.</summary>
internal sealed class Heard
{
    private readonly Lock _gate = new();
    private readonly List<object> _all = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _next;

    /// <summary>All of it.</summary>
    internal IReadOnlyList<object> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _all];
            }
        }
    }

    internal void Add(object told)
    {
        lock (_gate)
        {
            _all.Add(told);
            _more.TrySetResult();
            _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Everything of a kind that was told so far.</summary>
    internal IReadOnlyList<T> Of<T>() => [.. All.OfType<T>()];

    /// <summary>What comes from here on counts; what was told before is passed over.</summary>
    internal void SkipAll()
    {
        lock (_gate)
        {
            _next = _all.Count;
        }
    }

    /// <summary>Waits for the next of a kind that fits; what came before it is passed over.</summary>
    internal async Task<T> NextAsync<T>(Func<T, bool> fits, CancellationToken ct, [CallerArgumentExpression(nameof(fits))] string what = "")
    {
        var from = _next;
        while (true)
        {
            Task more;
            lock (_gate)
            {
                for (; _next < _all.Count; _next++)
                {
                    if (_all[_next] is T told && fits(told))
                    {
                        _next++;
                        return told;
                    }
                }

                more = _more.Task;
            }

            try
            {
                await more.WaitAsync(ct);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"Never told: {typeof(T).Name} {what}. Told instead:\n{string.Join('\n', All.Skip(from))}");
            }
        }
    }
}

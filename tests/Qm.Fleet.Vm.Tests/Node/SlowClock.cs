namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>
/// A clock for the reconciler that runs at a part of the real one: its deadlines are made for an ECU, and a machine without hardware acceleration
/// is slower.
/// </summary>
/// <param name="slower">How much; 1 for a machine that is not.</param>
internal sealed class SlowClock(int slower) : TimeProvider
{
    /// <summary>How much slower than on an ECU everything is.</summary>
    internal int Slower => slower;

    private readonly DateTimeOffset _start = System.GetUtcNow();

    public override DateTimeOffset GetUtcNow() => _start + (System.GetUtcNow() - _start) / slower;
}

namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>
/// A clock for the reconciler that runs at an eighth of the real one: its deadlines are made for an ECU, and a machine without hardware acceleration
/// is about that much slower.
/// </summary>
internal sealed class SlowClock : TimeProvider
{
    internal const int Slower = 8;

    private readonly DateTimeOffset _start = System.GetUtcNow();

    public override DateTimeOffset GetUtcNow() => _start + (System.GetUtcNow() - _start) / Slower;
}

using System.Reflection;
using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Reconcile;

namespace Qm.Fleet.Controller.Tests.Reconcile;

/// <summary>Whatever changes a unit passes the guard: no method of the interface is left out.</summary>
[Trait("Requirement", "QMF-RULE-6")]
public sealed class GuardedBlueChiTests
{
    private static readonly string[] Harmless =
    [
        "ReloadAsync", "SetNodeLogLevelAsync", "SetLogLevelAsync", "CreateMonitorAsync", "JoinMonitorAsync", "EnableMetricsAsync", "DisableMetricsAsync", "ListenToMetricsAsync", "get_UniqueName",
    ];

    private static IEnumerable<MethodInfo> All => typeof(IBlueChi).GetMethods();

    public static TheoryData<string> Mutating => [.. All.Select(static method => method.Name)
        .Where(static name => !name.StartsWith("Get", StringComparison.Ordinal) && !name.StartsWith("List", StringComparison.Ordinal) && !Harmless.Contains(name))];

    [Theory, MemberData(nameof(Mutating))]
    public void Call_ForAUnitOutsideQm_IsRefusedAndNotSent(string name)
    {
        var called = false;
        var guarded = new GuardedBlueChi(Recorder.For(() => called = true));
        var method = All.Single(method => method.Name == name);

        var thrown = Assert.Throws<TargetInvocationException>(() => method.Invoke(guarded, [.. method.GetParameters().Select(Argument)]));

        Assert.Contains("outside QM", Assert.IsType<RefusedException>(thrown.InnerException).Message, StringComparison.Ordinal);
        Assert.False(called);
    }

    [Fact]
    public void Isolate_InsideQm_IsSentAndOnTheHostIsNot()
    {
        var sent = 0;
        var guarded = new GuardedBlueChi(Recorder.For(() => sent++));

        Assert.NotNull(guarded.BeginJobAsync(JobType.Start, "qm.ecu1", "radio.service", JobMode.Isolate, CancellationToken.None));
        Assert.Throws<RefusedException>(() => { _ = guarded.BeginJobAsync(JobType.Start, "ecu1", "qm.service", JobMode.Isolate, CancellationToken.None); });
        Assert.Equal(1, sent);
    }

    private static object? Argument(ParameterInfo parameter) => parameter.Name switch
    {
        "node" => "ecu1",
        "unit" or "target" => "brake-control.service",
        "files" => new[] { "brake-control.service" },
        _ when parameter.ParameterType.IsValueType => Activator.CreateInstance(parameter.ParameterType),
        _ when parameter.ParameterType == typeof(IReadOnlyList<UnitProperty>) => Array.Empty<UnitProperty>(),
        _ => null,
    };

    /// <summary>Takes note of every call.</summary>
    public class Recorder : DispatchProxy
    {
        private Action _called = static () => { };

        internal static IBlueChi For(Action called)
        {
            var proxy = Create<IBlueChi, Recorder>();
            ((Recorder)(object)proxy)._called = called;
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            _called();
            return Task.FromResult<IUnitJob>(null!);
        }
    }
}

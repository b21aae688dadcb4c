using System.Collections.Frozen;
using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Agents;

/// <summary>Does what an agent was asked for, on its systemd. Throws <see cref="SystemdRefusal"/> and <see cref="BlueChiError"/>.</summary>
internal delegate Task<ImmutableArray<BusValue>> AgentAnswer(EmulatedSystemd systemd, ImmutableArray<BusValue> body);

/// <summary>One method of a node, as bluechi-agent carries it out.</summary>
/// <param name="Signature">Of its arguments, as a client of the controller gives them.</param>
/// <param name="Changes">Whether it changes something, and is counted.</param>
/// <param name="Answer">Carries it out; unused for jobs.</param>
/// <param name="Job">What job it makes; null when it makes none.</param>
internal sealed record AgentMethod(string Signature, bool Changes, AgentAnswer Answer, JobType? Job = null);

/// <summary>What <c>bluechi-agent</c> does for the controller; the same whether the controller is emulated or a real one.</summary>
internal static class AgentMethods
{
    /// <summary>By name.</summary>
    internal static FrozenDictionary<string, AgentMethod> All { get; } = new Dictionary<string, AgentMethod>
    {
        ["StartUnit"] = Job(JobType.Start),
        ["StopUnit"] = Job(JobType.Stop),
        ["RestartUnit"] = Job(JobType.Restart),
        ["ReloadUnit"] = Job(JobType.Reload),
        ["Reload"] = new("", true, async (systemd, _) =>
        {
            await systemd.DaemonReloadAsync(CancellationToken.None).ConfigureAwait(false);
            return [];
        }),
        ["SetUnitProperties"] = Now("sba(sv)", true, (systemd, body) => systemd.SetProperties(
            body[0].AsText(), body[1].AsBoolean(), Properties(body[2]))),
        ["FreezeUnit"] = Now("s", true, (systemd, body) => systemd.SetFrozen(body[0].AsText(), true)),
        ["ThawUnit"] = Now("s", true, (systemd, body) => systemd.SetFrozen(body[0].AsText(), false)),
        ["ResetFailed"] = Now("", true, (systemd, _) => systemd.ResetFailed(null)),
        ["ResetFailedUnit"] = Now("s", true, (systemd, body) => systemd.ResetFailed(body[0].AsText())),
        ["KillUnit"] = Now("ssi", true, Kill),
        ["GetUnitProperties"] = Value("ss", (systemd, body) => BusValue.Properties(systemd.Properties(body[0].AsText(), body[1].AsText()))),
        ["GetUnitProperty"] = Value("sss", (systemd, body) => new BusValue.Variant(systemd.Properties(body[0].AsText(), body[1].AsText())
            .GetValueOrDefault(body[2].AsText()) ?? throw BlueChiError.UnknownProperty(body[2].AsText()))),
        ["GetUnitFileState"] = Value("s", (systemd, body) => systemd.UnitFileState(body[0].AsText())),
        ["EnableUnitFiles"] = new("asbb", true, (systemd, body) =>
        {
            var (carriesInstallInfo, changes) = systemd.Enable(Texts(body[0]), body[1].AsBoolean());
            return Task.FromResult<ImmutableArray<BusValue>>([carriesInstallInfo, Changes(changes)]);
        }),
        ["DisableUnitFiles"] = Value("asb", (systemd, body) => Changes(systemd.Disable(Texts(body[0]), body[1].AsBoolean())), changes: true),
        ["GetDefaultTarget"] = Value("", (systemd, _) => systemd.DefaultTarget),
        ["SetDefaultTarget"] = Value("sb", (systemd, body) => Changes(systemd.SetDefaultTarget(body[0].AsText(), body[1].AsBoolean())), changes: true),
        ["StartTransientUnit"] = Value(
            "ssa(sv)a(sa(sv))", (systemd, body) => new BusValue.ObjectPath(systemd.StartTransient(body[0].AsText(), body[1].AsText(), Properties(body[2]))), changes: true),
        // Whatever the level, the agent says nothing against it.
        ["SetLogLevel"] = Now("s", false, (_, _) => { }),
        ["ListUnits"] = Value("", (systemd, _) => UnitList(systemd)),
        ["ListUnitFiles"] = Value("", (systemd, _) => UnitFileList(systemd)),
    }.ToFrozenDictionary();

    /// <summary>Units as <c>ListUnits</c> tells them: <c>a(ssssssouso)</c>.</summary>
    public static BusValue UnitList(EmulatedSystemd systemd) => new BusValue.Array("(ssssssouso)", [.. systemd.Units.Select(unit => (BusValue)new BusValue.Struct(
    [
        unit.Name, unit.Description, unit.Loaded is null ? "not-found" : "loaded", unit.ActiveState, unit.SubState, "",
        new BusValue.ObjectPath($"/org/freedesktop/systemd1/unit/{BlueChiNames.Escape(unit.Name)}"), unit.Operation?.JobId ?? 0, unit.Operation is { JobId: > 0 } job ? job.JobWord : "", new BusValue.ObjectPath(unit.Operation?.JobPath ?? "/"),
    ]))]);

    /// <summary>Unit files as <c>ListUnitFiles</c> tells them: <c>a(ss)</c>.</summary>
    public static BusValue UnitFileList(EmulatedSystemd systemd) => new BusValue.Array("(ss)",
        [.. systemd.Units.Select(unit => unit.Loaded).OfType<LoadedUnit>().Select(loaded => (BusValue)new BusValue.Struct(["/" + loaded.FragmentPath, loaded.UnitFileState]))]);

    private static void Kill(EmulatedSystemd systemd, ImmutableArray<BusValue> body)
    {
        const int SigKill = 9;
        var (unit, who) = (body[0].AsText(), body[1].AsText());
        if (who is not ("main" or "control" or "all") || body[2] is not BusValue.Int32 { Value: > 0 and < 65 } signal)
        {
            throw BlueChiError.InvalidArguments($"Invalid who argument or signal: {who}");
        }

        if (who == "control" && systemd.Find(unit) is not null)
        {
            throw new SystemdRefusal("org.freedesktop.systemd1.NoSuchProcess", "No control process to kill");
        }

        if (signal.Value == SigKill && who != "control")
        {
            _ = systemd.KillAsync(unit, SigKill);
        }
        else if (systemd.Find(unit) is null)
        {
            throw SystemdRefusal.UnitNotLoaded(unit);
        }
    }

    private static KeyValuePair<string, BusValue>[] Properties(BusValue list) =>
        [.. list.AsItems().Select(item => KeyValuePair.Create(item.AsItems()[0].AsText(), item.AsItems()[1].AsInner()))];

    private static string[] Texts(BusValue list) => [.. list.AsItems().Select(item => item.AsText())];

    private static BusValue.Array Changes(IEnumerable<LinkChange> changes) =>
        new BusValue.Array("(sss)", [.. changes.Select(change => (BusValue)new BusValue.Struct([change.Type, change.Link, change.Source]))]);

    private static AgentMethod Job(JobType type) => new("ss", true, (_, _) => Task.FromResult(ImmutableArray<BusValue>.Empty), type);

    private static AgentMethod Now(string signature, bool changes, Action<EmulatedSystemd, ImmutableArray<BusValue>> action) => new(signature, changes, (systemd, body) =>
    {
        action(systemd, body);
        return Task.FromResult(ImmutableArray<BusValue>.Empty);
    });

    private static AgentMethod Value(string signature, Func<EmulatedSystemd, ImmutableArray<BusValue>, BusValue> value, bool changes = false) =>
        new(signature, changes, (systemd, body) => Task.FromResult<ImmutableArray<BusValue>>([value(systemd, body)]));
}

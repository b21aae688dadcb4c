using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Simulation.Runs;

namespace Qm.Fleet.Simulation.Models;

/// <summary>One ECU: its power, its links, its systemd, and QM with what runs in it.</summary>
internal sealed class SimulatedNode
{
    /// <summary>A unit of the host that preconditions are about.</summary>
    internal const string Parked = "vehicle-parked.target";

    /// <summary>A safety unit of the host.</summary>
    internal const string Brake = "brake-control.service";

    private const int VendorScore = 500;
    private readonly World _world;

    internal SimulatedNode(World world, int number)
    {
        (_world, Number, Name) = (world, number, $"ecu{number}");
        Agent = new(world, this);
        Labels = new(StringComparer.Ordinal) { ["on"] = "yes", ["vehicle"] = $"v{number / 3}", ["canary"] = number == 1 ? "yes" : "no" };
        Boot();
    }

    internal int Number { get; }

    internal string Name { get; }

    internal Dictionary<string, string> Labels { get; set; }

    internal SimulatedAgent Agent { get; }

    internal bool IsUp { get; private set; } = true;

    /// <summary>What gets from here to bluechi-controller, and the other way.</summary>
    internal Wire Wire { get; set; }

    /// <summary>Whether what it tells gets to bluechi-controller.</summary>
    internal bool CanTell => Wire is Wire.Whole or Wire.Deaf;

    /// <summary>The host's bluechi-agent stands still, and its connection with it.</summary>
    internal bool IsFrozen { get; set; }

    internal bool IsExtensionCut { get; set; }

    internal TimeSpan BootedAt { get; private set; }

    internal SimulatedUnit Qm { get; private set; } = new();

    internal SimulatedUnit HostAgent { get; private set; } = new();

    internal SimulatedUnit QmAgent { get; private set; } = new();

    internal SimulatedUnit ParkedTarget { get; } = new() { ActiveState = "active" };

    internal SimulatedUnit BrakeControl { get; } = new() { ActiveState = "active", StartedAt = 1 };

    internal SortedDictionary<string, SimulatedUnit> Workloads { get; } = new(StringComparer.Ordinal);

    /// <summary>What systemd read last.</summary>
    internal int LoadedScore { get; private set; } = VendorScore;

    /// <summary>What systemd read last of the drop-in of the safety unit; null when there was none.</summary>
    internal int? LoadedBrakeScore { get; private set; }

    /// <summary>What stands there; null when there is none.</summary>
    internal int? BrakeScore => Environment?.Oom.Asil.TryGetValue(Brake, out var score) == true ? score : null;

    /// <summary>What QM's init has; null when there is none.</summary>
    internal int? Score { get; private set; }

    /// <summary>What the kernel has; null for no limit.</summary>
    internal ulong? MemoryHigh { get; set; }

    internal int OomKills { get; private set; }

    /// <summary>QM's agent has connected to bluechi-controller.</summary>
    internal bool IsQmRegistered { get; private set; }

    /// <summary>When there was last a reason to start or restart QM.</summary>
    internal TimeSpan LastNeed { get; set; }

    /// <summary>Since when QM does not serve, or BlueChi cannot be told so; null while it does.</summary>
    internal TimeSpan? OutSince { get; set; }

    /// <summary>Since when its agent extension cannot be reached; null while it can.</summary>
    internal TimeSpan? ExtensionOutSince { get; set; }

    /// <summary>Since when its vehicle is not parked; null while it is.</summary>
    internal TimeSpan? DrivingSince { get; set; }

    /// <summary>Since when it serves; null while it does not.</summary>
    internal TimeSpan? ServingSince { get; set; }

    /// <summary>CLOCK_MONOTONIC.</summary>
    internal long Microseconds => (long)(_world.Time.Elapsed - BootedAt).TotalMicroseconds + 1_000_000;

    internal bool NeedsQm => !Qm.IsActive || Score is null || !IsQmRegistered || (Environment?.Oom.Qm is { } wanted && wanted != Score)
        || (Agent.Revision == Removal.Revision && Score != VendorScore);

    /// <summary>Nothing of what runs has what a fleet had brought.</summary>
    internal bool IsClean => LoadedBrakeScore is null && (!Qm.IsActive || (Score is null or VendorScore && MemoryHigh is null && !Workloads.Values.Any(unit => unit.IsActive)));

    /// <summary>What the kernel shall have.</summary>
    internal ulong? WantedHigh => High(Environment);

    /// <summary>QM runs, and everybody who asks is told so.</summary>
    internal bool IsServing => IsHeard && !IsExtensionCut;

    /// <summary>QM runs, and BlueChi hears so.</summary>
    internal bool IsHeard => IsUp && CanTell && !IsFrozen && Qm.IsActive && Score is not null && IsQmRegistered;

    private FleetEnvironment? Environment => Agent.Revision.Length == 0 ? null : _world.Revisions[Agent.Revision].Environment;

    internal void Boot()
    {
        (IsUp, BootedAt) = (true, _world.Time.Elapsed);
        (Qm, HostAgent, QmAgent) = (new() { Run = Qm.Run }, new() { ActiveState = "active", StartedAt = Microseconds }, new());
        Agent.Booted();
        Reload();
        Later(500, 4_000, Qm, StartQm);
        _world.BlueChi.LinkChanged(this);
    }

    internal void LosePower()
    {
        IsUp = false;
        Fall("inactive", "success");
        _world.BlueChi.LinkChanged(this);
        _world.Controller?.Links.Lost(this);
    }

    /// <summary>daemon-reload: changes what systemd says.</summary>
    internal void Reload() => (LoadedScore, LoadedBrakeScore) = (Environment?.Oom.Qm ?? VendorScore, BrakeScore);

    /// <summary>daemon-reload inside QM.</summary>
    internal void ReloadInside()
    {
        foreach (var name in Workloads.Keys.Where(name => !Agent.HasWorkload(name)).ToArray())
        {
            if (Workloads[name].IsActive)
            {
                Workloads[name].LoadState = "not-found";
            }
            else
            {
                Workloads.Remove(name);
            }
        }

        foreach (var name in Environment?.Workloads.Select(workload => workload.Name) ?? [])
        {
            if (!Workloads.TryGetValue(name, out var unit))
            {
                Workloads[name] = new();
            }
            else
            {
                unit.LoadState = "loaded";
            }
        }
    }

    internal void StartQm()
    {
        if (!IsUp || Qm.ActiveState is "active" or "activating")
        {
            return;
        }

        var environment = Environment;
        var revision = Agent.Revision;
        (Qm.Run, Qm.ActiveState, Qm.Result, Qm.StartedAt) = (Qm.Run + 1, "activating", "success", Microseconds);
        var (score, high) = (LoadedScore, High(environment));
        Told(false, QmNode.Unit);
        Later(300, 1_200, Qm, () =>
        {
            if (_world.FlawOf(revision, this) == Flaw.QmFails)
            {
                Fall("failed", "exit-code");
                return;
            }

            (Qm.ActiveState, MemoryHigh) = ("active", high);
            Told(false, QmNode.Unit);
            Later(200, 2_000, Qm, () => Begin(score));
        });
    }

    /// <summary>Stops QM and starts it again, passing through failed on the way.</summary>
    internal void RestartQm()
    {
        if (!Qm.IsActive)
        {
            StartQm();
            return;
        }

        Fall("deactivating", "success");
        Later(200, 900, Qm, () =>
        {
            Qm.ActiveState = "failed";
            Told(false, QmNode.Unit);
            StartQm();
        });
    }

    /// <summary>Its vehicle is not parked for so long.</summary>
    internal void Drive(TimeSpan span)
    {
        _world.Trace.Add($"{Name} drives");
        ParkedTarget.ActiveState = "inactive";
        Told(false, Parked);
        _world.Time.After(span, () =>
        {
            ParkedTarget.ActiveState = "active";
            Told(false, Parked);
        });
    }

    /// <summary>QM ends, and all that is in it.</summary>
    internal void Fall(string state, string result)
    {
        (Qm.Run, Qm.ActiveState, Qm.Result) = (Qm.Run + 1, state, result);
        (Score, MemoryHigh, OomKills) = (null, null, 0);
        foreach (var unit in Workloads.Values)
        {
            unit.Run++;
        }

        Workloads.Clear();
        QmAgent = new() { Run = QmAgent.Run + 1, ActiveState = "inactive" };
        Register(false);
        Told(false, QmNode.Unit);
    }

    /// <summary>QM dies; systemd restarts it, or gives up.</summary>
    internal void Crash(bool restarts)
    {
        if (!Qm.IsActive)
        {
            return;
        }

        Fall("failed", "signal");
        if (restarts)
        {
            Later(5_000, 6_000, Qm, () =>
            {
                StartQm();
                Qm.Restarts++;
            });
        }
    }

    internal void RestartHostAgent()
    {
        HostAgent.StartedAt = Microseconds;
        _world.BlueChi.Blip(this);
    }

    internal void RestartQmAgent()
    {
        if (Score is null)
        {
            return;
        }

        (QmAgent.Run, QmAgent.ActiveState, QmAgent.StartedAt) = (QmAgent.Run + 1, "active", Microseconds);
        Register(false);
        Later(500, 2_500, QmAgent, () => Register(true));
    }

    internal void StartWorkload(string name)
    {
        if (Score is null || !Agent.HasWorkload(name) || !Workloads.TryGetValue(name, out var unit))
        {
            return;
        }

        var revision = Agent.Revision;
        (unit.Run, unit.ActiveState, unit.Result, unit.StartedAt) = (unit.Run + 1, "activating", "success", Microseconds);
        Told(true, name + ".service");
        Later(200, 2_000, unit, () =>
        {
            var flaw = _world.FlawOf(revision, this);
            (unit.ActiveState, unit.Result) = flaw == Flaw.WorkloadFails ? ("failed", "exit-code") : ("active", "success");
            unit.Score = unit.IsActive ? Environment?.Workloads.FirstOrDefault(workload => workload.Name == name)?.OomScoreAdjust ?? Environment?.Oom.Nested : null;
            Told(true, name + ".service");
            if (flaw is Flaw.WorkloadDies or Flaw.OutOfMemory)
            {
                var run = unit.Run;
                _world.Time.After(_world.Revisions[revision].After, () => Die(unit, run, name, flaw == Flaw.OutOfMemory));
            }
        });
    }

    internal void StopWorkload(string name)
    {
        if (Workloads.TryGetValue(name, out var unit))
        {
            (unit.Run, unit.ActiveState, unit.Score) = (unit.Run + 1, "inactive", null);
            Told(true, name + ".service");
        }
    }

    /// <summary>A workload ends badly; what the kernel killed for memory, systemd starts again.</summary>
    internal void Die(SimulatedUnit unit, int run, string name, bool outOfMemory)
    {
        if (unit.Run != run || !unit.IsActive || Score is null)
        {
            return;
        }

        if (outOfMemory)
        {
            OomKills++;
            unit.Restarts++;
            unit.StartedAt = Microseconds;
        }
        else
        {
            (unit.ActiveState, unit.Result, unit.Score) = ("failed", "exit-code", null);
        }

        Told(true, name + ".service");
        Agent.Changed();
    }

    private static ulong? High(FleetEnvironment? environment) =>
        environment?.Resources.GetValueOrDefault(ResourceProperty.MemoryHigh) is ResourceValue.Bytes bytes ? bytes.Value : null;

    private void Begin(int score)
    {
        Score = score;
        ReloadInside();
        (QmAgent.Run, QmAgent.ActiveState, QmAgent.StartedAt) = (QmAgent.Run + 1, "active", Microseconds);
        var isSlow = _world.Random.Chance(10);
        Later(isSlow ? 25_000 : 500, isSlow ? 55_000 : 9_000, QmAgent, () => Register(true));
        foreach (var name in Workloads.Keys.ToArray())
        {
            StartWorkload(name);
        }

        Agent.Changed();
    }

    private void Register(bool isRegistered)
    {
        IsQmRegistered = isRegistered;
        _world.BlueChi.LinkChanged(this);
    }

    private void Told(bool inside, string unit)
    {
        _world.BlueChi.UnitChanged(this, inside, unit);
        Agent.Changed();
    }

    // Not when the unit was started or stopped meanwhile.
    private void Later(int least, int most, SimulatedUnit unit, Action action)
    {
        var run = unit.Run;
        _world.Time.After(_world.Random.Milliseconds(least, most), () =>
        {
            if (unit.Run == run && IsUp)
            {
                action();
            }
        });
    }
}

using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Cli.Tests.Server;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Processes;

/// <summary>A server with a little of everything. Every time lies ahead of the program's clock, so that all of it happened 0.0 s ago.</summary>
internal static class SampleFleet
{
    private static readonly Timestamp At = CliTest.Now.ToTimestamp();

    internal static void Fill(FakeServer server)
    {
        server.Nodes.Stored.AddRange([Node("ecu1", NodePhase.Types.Phase.Healthy, "Ready", canary: true), Node("ecu2", NodePhase.Types.Phase.QmDown, "RestartQm", canary: false)]);
        server.Diagnostics.Rounds.Add(new()
        {
            At = At,
            Complete = true,
            Nodes =
            {
                new NodeTop { Node = "ecu1", ReadAt = At, Units = { new CgroupUsage { Unit = "qm.service", Cpus = 0.42, MemoryCurrent = 1_500_000_000, MemoryMax = 3L << 30, PidsCurrent = 112 } } },
                new NodeTop { Node = "ecu2", UnknownSince = At, UnknownBecause = "its agent extension is not connected" },
            },
        });
        server.Enrollments.Stored.AddRange(
        [
            Enrollment("ecu1", 'e', V1.Enrollment.Types.State.Enrolled, null),
            Enrollment("ecu4", 'd', V1.Enrollment.Types.State.Pending, new() { State = BlueChiPeer.Types.State.Same, Address = "192.0.2.4", Message = "BlueChi has ecu4 connected from this address." }),
            Enrollment("ecu5", 'a', V1.Enrollment.Types.State.Pending, new() { State = BlueChiPeer.Types.State.Same, Address = "192.0.2.4", Message = "BlueChi has ecu5 connected from this address." }),
            Enrollment("ecu5", 'b', V1.Enrollment.Types.State.Pending, new() { State = BlueChiPeer.Types.State.Other, Address = "192.0.2.4", Message = "BlueChi has ecu5 connected from 192.0.2.4, and not from 192.0.2.9." }),
        ]);
        server.Nodes.Units.AddRange([Unit("maps.service", "active", "running"), Unit("radio.service", "failed", "failed")]);
        server.Operations.Stored.Add(server.Nodes.Begun);
        server.Operations.Stored.Add(new()
        {
            Name = "operations/cockpit/7",
            Kind = "Rollout",
            Target = "fleet/cockpit",
            StartedAt = At,
            Actor = "admin:ann",
            Message = "1 of 2 nodes ready",
        });
        server.Operations.Next.Enqueue(new()
        {
            Name = server.Nodes.Begun.Name,
            Kind = "RestartUnit",
            Node = "ecu2",
            Unit = "radio.service",
            Done = true,
            StartedAt = At,
            EndedAt = At,
            Actor = "admin:ann",
        });
        var rollout = new Rollout
        {
            Name = "cockpit/7",
            Fleet = "cockpit",
            FromRevision = "9f3a61c2",
            ToRevision = "41d07be9",
            Phase = Rollout.Types.Phase.Progressing,
            StartedAt = At,
            Message = "1 of 2 nodes ready; waits for ecu2: RestartQm",
        };
        server.Fleets.Stored.Add(new()
        {
            Metadata = new() { Name = "cockpit", Labels = { ["program"] = "atlas" }, Uid = "0199", Generation = 3, CreatedAt = At },
            Spec = new()
            {
                Selector = "zone=cockpit",
                Environment = new() { Rootfs = new() { Preinstalled = new() }, Resources = new() { MemoryHigh = "2G", MemoryMax = "3G" }, Oom = new() { Qm = 500, Nested = 750 } },
            },
            Status = new() { Revision = "41d07be9", Nodes = 2, Ready = 1, Rollout = rollout },
        });
        server.Fleets.Answer = fleet => FakeFleets.Applied(
            fleet.Metadata.Name, server.Fleets.Stored.Exists(stored => stored.Metadata.Name == fleet.Metadata.Name) ? ApplyResult.Configured : ApplyResult.Created, "9f3a61c2", 8);
        server.Fleets.Planned = Plan;
        server.Rollouts.Stored.AddRange([rollout, new() { Name = "cockpit/6", Fleet = "cockpit", ToRevision = "9f3a61c2", Phase = Rollout.Types.Phase.Succeeded, StartedAt = At, EndedAt = At }]);
        server.Rollouts.Explanation = new()
        {
            Rollout = "cockpit/7",
            Summary = "1 of 2 nodes ready; waits for ecu2: RestartQm",
            Members =
            {
                new RolloutMember { Node = "ecu1", State = RolloutMember.Types.State.Done },
                new RolloutMember
                {
                    Node = "ecu2", State = RolloutMember.Types.State.Moving,
                    Hold = new() { Gate = "Moving", Reason = "RestartQm", Release = "the node being Ready", Since = At },
                },
            },
        };
        server.Revisions.Stored.AddRange([Revision("41d07be9"), Revision("9f3a61c2")]);
        server.Revisions.Difference = new()
        {
            From = "9f3a61c2",
            To = "41d07be9",
            Changes = { new FieldChange { Path = "resources.MemoryHigh", Before = { "2G" }, After = { "1536M" } } },
        };
        server.Audit.Append(new() { Time = At, Reason = "NodeCordoned", Severity = Event.Types.Severity.Info, Actor = "admin:ann", Node = "ecu1", Message = "Generation 2, cordoned.", Source = "unix:uid=0", After = "{ }" });
        server.Audit.Append(new() { Time = At, Reason = "QmRestarted", Severity = Event.Types.Severity.Warning, Actor = "controller", Node = "ecu2", Message = "QM was restarted." });
        server.Events.Happen(new() { Number = 1, Time = At, Reason = "FleetConfigured", Severity = Event.Types.Severity.Info, Actor = "admin:ann", Fleet = "cockpit", Message = "MemoryHigh 2G -> 1536M" });
        server.Events.Happen(new() { Number = 2, Time = At, Reason = "OomKilled", Severity = Event.Types.Severity.Warning, Actor = "controller", Node = "ecu2", Unit = "radio.service", Message = "radio (pid 2210, score 1034)" });
        server.Sites.Stored.Add(new()
        {
            Metadata = new() { Name = "local" },
            Spec = new() { Address = "system" },
            Status = new() { Conditions = { new Condition { Type = "Connected", Status = Condition.Types.Status.True, Since = At } } },
        });
        server.Diagnostics.Checks.AddRange(
        [
            new() { Id = "mqueue", Kind = CheckResult.Types.Kind.Static, Verdict = CheckResult.Types.Verdict.Pass, Expected = "own namespace", Found = "own namespace", Source = "/proc/1/ns/ipc" },
        ]);
        server.Diagnostics.Effective.Settings.Add(new EffectiveSetting
        {
            Subject = EffectiveSetting.Types.Subject.Unit,
            Section = "Service",
            Key = "MemoryHigh",
            Value = "1536M",
            Kernel = "1610612736",
            Systemd = "1610612736",
            Wanted = "1536M",
            Assignments =
            {
                new EffectiveAssignment { Value = "1536M", File = "/etc/containers/systemd/qm.container.d/50-qm-fleet.conf", Layer = EffectiveAssignment.Types.Layer.Fleet, Counts = true },
            },
        });
        server.Diagnostics.Logs.AddRange(
        [
            new() { Time = At, Unit = "qm.service", Identifier = "podman", Pid = 1204, Priority = 6, Message = "Started QM" },
            new() { Time = At, Unit = "bluechi-agent.service", Identifier = "bluechi-agent", Pid = 811, Priority = 4, Message = "Disconnected \u001b[31mfrom controller" },
        ]);
        server.Diagnostics.Chunks.Add("bundle");
        server.Artifacts.Stored.Add(new() { Sha256 = new string('7', 64), Name = "qm-1.4.0.tar.zst", SizeBytes = 3 << 20, PushedAt = At, PushedBy = "admin:ann", UsedBy = { "cockpit/41d07be9" } });
        server.Access.Roles.Add(new()
        {
            Name = "operator",
            BuiltIn = true,
            Rules = { new AccessRule { Verbs = { "get", "list", "watch" }, Resources = { "fleets", "nodes" } }, new AccessRule { Verbs = { "restart" }, Resources = { "units" } } },
        });
        server.Access.Tokens.Add(new() { Name = "ci", Role = "operator", Scope = new() { Fleets = { "cockpit" } }, CreatedAt = At, ExpiresAt = At, CreatedBy = "admin:ann" });
        server.Controller.Version = new() { Version = "0.4.0", Api = "qm.fleet.v1", Runtime = "10.0.1", StartedAt = At };
    }

    private static Node Node(string name, NodePhase.Types.Phase phase, string step, bool canary)
    {
        var node = new Node
        {
            Metadata = new() { Name = name, Labels = { ["zone"] = "cockpit" }, Generation = 2 },
            Spec = new() { Site = "local" },
            Status = new()
            {
                Fleet = "cockpit",
                DesiredRevision = "41d07be9",
                Revision = phase == NodePhase.Types.Phase.Healthy ? "41d07be9" : "9f3a61c2",
                Step = new() { Name = step, Since = At, Message = step == "Ready" ? "" : "its OOM score differs" },
                Phase = new() { Phase = phase, Since = At, Reason = "as seen" },
                Conditions =
                {
                    new Condition { Type = "BluechiOnline", Status = Condition.Types.Status.True, Since = At },
                    new Condition { Type = "Ready", Status = step == "Ready" ? Condition.Types.Status.True : Condition.Types.Status.False, Since = At },
                },
            },
        };
        if (canary)
        {
            node.Metadata.Labels["canary"] = "true";
        }

        return node;
    }

    private static Unit Unit(string name, string active, string sub) => new()
    {
        Name = name,
        Description = $"The {name[..name.IndexOf('.', StringComparison.Ordinal)]} of QM",
        LoadState = "loaded",
        ActiveState = active,
        SubState = sub,
        Fleet = "cockpit",
    };

    private static Enrollment Enrollment(string node, char digit, Enrollment.Types.State state, BlueChiPeer? peer) => new()
    {
        Node = node,
        State = state,
        Fingerprint = new string(digit, 64),
        Address = peer?.State switch { null => "", BlueChiPeer.Types.State.Other => "192.0.2.9", _ => "192.0.2.4" },
        Since = At,
        DecidedBy = peer is null ? "jointoken:bench" : "",
        Bluechi = peer,
    };

    private static FleetPlan Plan(V1.Fleet fleet) => new()
    {
        Fleet = fleet.Metadata.Name,
        Result = ApplyResult.Configured,
        FromRevision = "41d07be9",
        ToRevision = "9f3a61c2",
        Matching = 2,
        Pace = "maxUnavailable 1, soak 2 min",
        Changes = { new FieldChange { Path = "resources.MemoryHigh", Before = { "1536M" }, After = { "2G" }, Consequence = "at once, nothing restarts" } },
        Batches = { new PlannedBatch { Batch = "canary=true", Nodes = { "ecu1" } }, new PlannedBatch { Batch = "100%", Nodes = { "ecu2" } } },
        Message = "ecu2 is cordoned",
        Held = { new PlannedHold { Nodes = { "ecu2" }, Hold = new() { Gate = "Cordoned", Reason = "on the bench", Release = "qmfleet node uncordon ecu2", Never = true } } },
        Findings = { new Finding { Rule = "QMF-W004", Severity = Finding.Types.Severity.Warning, Message = "MemoryHigh is above what the node has free", Nodes = { "ecu2" } } },
        Nodes =
        {
            new NodePlan
            {
                Nodes = { "ecu1", "ecu2" },
                Files = { new FilePlan { Change = FilePlan.Types.Change.Edited, Path = "/etc/containers/systemd/qm.container.d/50-qm-fleet.conf", RemovedLines = 1, AddedLines = 1 } },
                Steps = { new PlannedStep { Act = "SetLimits", Reason = "MemoryHigh differs", Calls = { "Node(ecu1).SetUnitProperties qm.service MemoryHigh=2G" } } },
                End = "Ready",
                EndReason = "everything is as wanted",
            },
        },
    };

    private static Revision Revision(string name) => new() { Metadata = new() { Name = name, Uid = name.PadRight(64, '0'), CreatedAt = At }, Fleet = "cockpit" };
}

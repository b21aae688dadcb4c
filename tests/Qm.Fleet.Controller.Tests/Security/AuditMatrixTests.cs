using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Qm.Fleet.Controller.Operations;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Operations;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>Every method that changes something leaves an event with who asked and from where; found by their descriptors, so that a new one without its line here fails.</summary>
[Trait("Requirement", "QMF-AUDIT-005")]
public sealed class AuditMatrixTests
{
    private const string Id = "123e4567-e89b-12d3-a456-4266141740";

    // What is in nobody's audit trail because it changes nothing that is kept: it reads, or has a node read.
    private static readonly string[] Reading = ["Get", "List", "Watch", "Plan", "Diff", "Explain", "Wait", "WhoAmI", "CanI", "Export", "Verify", "RunChecks", "CollectBundle", "Check", "ServerReflectionInfo"];

    private static readonly string[] Units = ["a.service", "b.service", "c.service", "d.service", "e.service"];

    // Whose callers are no people, and streams: what they leave is tested where they are.
    private static readonly string[] OfNodesAndStreams = ["NodeGateway/Connect", "EnrollmentService/RequestEnrollment", "EnrollmentService/RenewCertificate", "ArtifactService/Push"];

    private static readonly string[] Elsewhere =
    [
        .. OfNodesAndStreams,
        // It is for what was pushed, and for what has failed; neither is there.
        "ArtifactService/Delete",
        "RolloutService/Retry",
    ];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Whether a method changes nothing that is kept.</summary>
    public static bool IsReading(MethodDescriptor method) => Reading.Any(word => method.Name.StartsWith(word, StringComparison.Ordinal));

    /// <summary>Whether a method is called by nodes, or sends a stream.</summary>
    public static bool IsOfNodesOrAStream(MethodDescriptor method) => OfNodesAndStreams.Contains($"{method.Service.Name}/{method.Name}");

    [Fact]
    [Trait("Requirement", "QMF-API-022")]
    [Trait("Requirement", "QMF-API-026")]
    public async Task EveryMethodThatChanges_LeavesAnEventOfWhoAskedAndFromWhere()
    {
        await using var controller = await RunningController.StartAsync();
        var (invoker, log, silent) = (controller.Local().CreateCallInvoker(), controller.Service<EventLog>(), new List<string>());
        var script = Script();
        using JoiningNode welcome = new(controller, "ecu8"), stranger = new(controller, "ecu9");
        await welcome.AskAsync();
        await stranger.AskAsync();
        var number = 10;
        foreach (var (name, request) in script)
        {
            if (name == "NodeService/RestartQm")
            {
                var blueChi = FakeBlueChi.Connect(controller, "ecu1");
                blueChi.Units[("ecu1", "heater.service")] = new();
                foreach (var unit in Units)
                {
                    blueChi.Units[("qm.ecu1", unit)] = new();
                }
            }
            var method = EveryMethod.All.Single(method => EveryMethod.PathOf(method) == $"/qm.fleet.v1.{name}");
            var requestId = FormattableString.Invariant($"{Id}{number++}");
            var hasId = Set(method, request, "request_id", requestId);
            var before = log.LastNumber();

            // What only asks what would be tells nothing, and leaves the id free for the call.
            Set(method, request, "dry_run", true);
            await CallAsync();
            Assert.Empty(Told());
            Set(method, request, "dry_run", false);
            await CallAsync();
            await DoneAsync(controller);
            var told = Told();
            if (told.Count == 0 || (hasId && told.All(one => one.Details.RequestId != requestId)))
            {
                silent.Add(name);
            }
            if (hasId)
            {
                await CallAsync();
                await DoneAsync(controller);
                Assert.Equal(told.Select(static one => one.Number), Told().Select(static one => one.Number));
            }

            async Task CallAsync()
            {
                var status = await EveryMethod.CallAsync(invoker, method, request.ToByteArray(), [], Ct);
                Assert.True(status is { StatusCode: StatusCode.OK }, $"{name}: {status}");
            }

            List<StoredEvent> Told() =>
                [.. log.After(before, "", "", 100).Where(static one => one.Draft.Actor == SecurityFacts.LocalActor && one.Details.Source.StartsWith("unix:", StringComparison.Ordinal))];
        }

        Assert.Empty(silent);
        Assert.Equal(
            EveryMethod.All.Where(static method => !IsReading(method)).Select(static method => $"{method.Service.Name}/{method.Name}").Order(StringComparer.Ordinal),
            script.Select(static line => line.Method).Concat(Elsewhere).Distinct().Order(StringComparer.Ordinal));
    }

    // What is asked of the units of a node waits for nobody: it would be refused while another has them.
    private static async Task DoneAsync(RunningController controller)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(RunningController.Deadline);
        while (controller.Service<OperationList>().After(OperationPlace.First, 100).Any(static one => one is { OfUnit: not null, HasEnded: false }))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), late.Token);
        }
    }

    private static bool Set(MethodDescriptor method, IMessage request, string field, object value)
    {
        method.InputType.FindFieldByName(field)?.Accessor.SetValue(request, value);
        return method.InputType.FindFieldByName(field) is not null;
    }

    // In an order in which each can be done, and changes something.
    private static List<(string Method, IMessage Request)> Script()
    {
        var renamed = Samples.Node();
        renamed.Metadata.Labels["vehicle"] = "v1";
        var brought = CertificateAuthority.Create(DateTimeOffset.UtcNow, CertificateLives.Default);
        V1.AccessRole role = new() { Name = "keeper", Rules = { new V1.AccessRule { Verbs = { "restart" }, Resources = { "units" } } } };
        return
        [
            ("EnrollmentService/ApproveEnrollment", new V1.ApproveEnrollmentRequest { Node = "ecu8" }),
            ("EnrollmentService/DenyEnrollment", new V1.DenyEnrollmentRequest { Node = "ecu9", Reason = "not ours" }),
            ("NodeService/Create", new V1.CreateNodeRequest { Node = Samples.Node() }),
            ("NodeService/Apply", new V1.ApplyNodesRequest { Nodes = { Samples.Node("ecu2"), Samples.Node("ecu3") } }),
            ("NodeService/Update", new V1.UpdateNodeRequest { Node = renamed, UpdateMask = new() { Paths = { "metadata.labels" } } }),
            ("NodeService/Cordon", new V1.CordonNodeRequest { Name = "ecu1", Reason = "bench" }),
            ("NodeService/Uncordon", new V1.UncordonNodeRequest { Name = "ecu1" }),
            ("NodeService/Quarantine", new V1.QuarantineNodeRequest { Name = "ecu1" }),
            ("NodeService/Release", new V1.ReleaseNodeRequest { Name = "ecu1" }),
            ("FleetService/Create", new V1.CreateFleetRequest { Fleet = Samples.Fleet() }),
            ("FleetService/Apply", new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet(memoryMax: "4G") } }),
            ("FleetService/Update", new V1.UpdateFleetRequest { Fleet = Samples.Fleet(memoryMax: "5G"), UpdateMask = new() { Paths = { "spec.environment.resources" } } }),
            ("RolloutService/Pause", new V1.PauseRolloutRequest { Fleet = "cockpit" }),
            ("RolloutService/Resume", new V1.ResumeRolloutRequest { Fleet = "cockpit" }),
            ("RolloutService/Undo", new V1.UndoRolloutRequest { Fleet = "cockpit" }),
            ("RolloutService/Abort", new V1.AbortRolloutRequest { Fleet = "cockpit" }),
            ("NodeService/Retire", new V1.RetireNodeRequest { Name = "ecu3", Reason = "sold", Remove = true }),
            ("OperationService/Cancel", new V1.CancelOperationRequest { Name = "operations/retire@ecu3/1" }),
            ("NodeService/Retire", new V1.RetireNodeRequest { Name = "ecu3", Reason = "sold" }),
            ("NodeService/Reenroll", new V1.ReenrollNodeRequest { Name = "ecu3" }),
            ("NodeService/Delete", new V1.DeleteNodeRequest { Name = "ecu3" }),
            ("HostUnitService/Allow", new V1.AllowHostUnitRequest { HostUnit = new() { Unit = "heater.service", Reason = "bench" } }),
            ("NodeService/RestartQm", new V1.RestartQmRequest { Name = "ecu1" }),
            ("NodeService/StopUnit", new V1.StopUnitRequest { Node = "ecu1", Unit = Units[0] }),
            ("NodeService/RestartUnit", new V1.RestartUnitRequest { Node = "ecu1", Unit = Units[1] }),
            ("NodeService/FreezeUnit", new V1.FreezeUnitRequest { Node = "ecu1", Unit = Units[2] }),
            ("NodeService/ThawUnit", new V1.ThawUnitRequest { Node = "ecu1", Unit = Units[3] }),
            ("NodeService/SetUnitProperties", new V1.SetUnitPropertiesRequest { Node = "ecu1", Unit = Units[4], Properties = { ["CPUWeight"] = "50" } }),
            ("NodeService/StartUnit", new V1.StartUnitRequest { Node = "ecu1", Unit = "heater.service", OnHost = true }),
            ("HostUnitService/Remove", new V1.RemoveHostUnitRequest { Unit = "heater.service" }),
            ("AccessService/ApplyRole", new V1.ApplyRoleRequest { Role = role }),
            ("AccessService/ApplyBinding", new V1.ApplyBindingRequest { Binding = new() { Name = "ann-keeps", Subject = "viewer:ann", Role = "keeper" } }),
            ("AccessService/DeleteBinding", new V1.DeleteBindingRequest { Name = "ann-keeps" }),
            ("AccessService/DeleteRole", new V1.DeleteRoleRequest { Name = "keeper" }),
            ("AccessService/CreateToken", new V1.CreateTokenRequest { Name = "ci", Role = "viewer" }),
            ("AccessService/RevokeToken", new V1.RevokeTokenRequest { Name = "ci" }),
            ("EnrollmentService/CreateJoinToken", new V1.CreateJoinTokenRequest { Name = "bench", Nodes = { "*" } }),
            ("EnrollmentService/RevokeJoinToken", new V1.RevokeJoinTokenRequest { Name = "bench" }),
            ("PkiService/Issue", new V1.IssueCertificateRequest { Name = "ann", Role = "viewer", Request = JoiningNode.Csr(System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256)) }),
            ("PkiService/Revoke", new V1.RevokeCertificateRequest { Subject = "viewer:ann", Reason = "left" }),
            ("PkiService/RotateCertificate", new V1.RotateCertificateRequest { Which = V1.RotateCertificateRequest.Types.Which.Server }),
            ("PkiService/RotateAuthority", new V1.RotateAuthorityRequest()),
            ("PkiService/FinishRotation", new V1.FinishRotationRequest { Force = true }),
            ("PkiService/ImportAuthority", new V1.ImportAuthorityRequest { Chain = brought.Certificate, Key = brought.Key.Reveal() }),
            ("FleetService/Delete", new V1.DeleteFleetRequest { Name = "cockpit" }),
        ];
    }
}

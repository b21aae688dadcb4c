using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Core.Access;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>Every method there is, with every role, within its scope and outside: over the wire, as the daemon answers.</summary>
[Trait("Requirement", "QMF-ACCESS-001")]
public sealed class AccessMatrixTests
{
    private static readonly string[] Roles = [AccessRole.Viewer.Name, AccessRole.Operator.Name, AccessRole.Admin.Name];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void Rules_EveryMethodOfEveryService_HasExactlyOne() => Assert.Equal(
        EveryMethod.All.Select(EveryMethod.PathOf).Order(StringComparer.Ordinal), AccessRules.ByMethod.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public async Task Matrix_EveryMethodWithEveryRole_IsAsWrittenDown()
    {
        await using var controller = await RunningController.StartAsync();
        var tokens = new Dictionary<string, Metadata>(StringComparer.Ordinal);
        foreach (var role in Roles)
        {
            tokens[role] = await TokenAsync(controller, role, new V1.AccessScope());
        }
        var (people, node) = (controller.Tls(null).CreateCallInvoker(), controller.Node("ecu1").CreateCallInvoker());

        List<string> matrix = [];
        foreach (var method in EveryMethod.All.OrderBy(EveryMethod.PathOf, StringComparer.Ordinal))
        {
            List<string> may = [];
            foreach (var role in Roles)
            {
                may.AddRange(IsLetIn(await EveryMethod.CallAsync(people, method, [], tokens[role], Ct)) ? [role] : []);
            }
            may.AddRange(IsLetIn(await EveryMethod.CallAsync(node, method, [], [], Ct)) ? ["agent"] : []);
            Assert.Equal(StatusCode.Unauthenticated, (await EveryMethod.CallAsync(people, method, [], [], Ct))!.Value.StatusCode);
            matrix.Add($"{EveryMethod.PathOf(method)}: {string.Join(" ", may)}");
        }

        var golden = Checkout.Of("tests/Qm.Fleet.Controller.Tests/Security/access-matrix.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            await File.WriteAllLinesAsync(golden, matrix, Ct);
        }
        Assert.Equal(await File.ReadAllLinesAsync(golden, Ct), matrix);
    }

    [Fact]
    public async Task Scope_OfAFleetANodeAndAUnit_HoldsForEveryMethodThatNamesOne()
    {
        await using var controller = await RunningController.StartAsync();
        var (otherFleet, otherNode) = (Samples.Fleet("other"), Samples.Node("other"));
        (otherFleet.Spec.Selector, otherNode.Metadata.Labels["zone"]) = ("zone=rear", "rear");
        await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet("mine"), otherFleet } }, cancellationToken: Ct);
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("mine"), otherNode } }, cancellationToken: Ct);
        controller.Live.Nodes["mine"] = new V1.NodeStatus { Fleet = "mine" };
        var invoker = controller.Tls(null).CreateCallInvoker();
        var scopes = new[]
        {
            new V1.AccessScope { Fleets = { "mine" } },
            new V1.AccessScope { Nodes = { "mine" } },
        };
        var judged = 0;
        foreach (var scope in scopes)
        {
            var headers = await TokenAsync(controller, AccessRole.Admin.Name, scope);
            foreach (var method in EveryMethod.All.Where(static method => !AccessRules.ByMethod[EveryMethod.PathOf(method)].IsForAnybody && !method.IsClientStreaming))
            {
                if (Request(method.InputType, "other", scope.Fleets.Count > 0) is not { } outside)
                {
                    // What names nothing is answered with what lies in scope, or not at all.
                    Assert.Equal(
                        (EveryMethod.PathOf(method), AccessRules.ByMethod[EveryMethod.PathOf(method)].IsWithinScope),
                        (EveryMethod.PathOf(method), IsLetIn(await EveryMethod.CallAsync(invoker, method, [], headers, Ct))));
                    continue;
                }
                var inside = Request(method.InputType, "mine", scope.Fleets.Count > 0)!;
                Assert.True(!IsLetIn(await EveryMethod.CallAsync(invoker, method, outside, headers, Ct)), $"{EveryMethod.PathOf(method)} reaches outside of {scope}");
                Assert.True(IsLetIn(await EveryMethod.CallAsync(invoker, method, inside, headers, Ct)), $"{EveryMethod.PathOf(method)} does not reach inside of {scope}");
                judged++;
            }
        }
        Assert.InRange(judged, 30, 200);
    }

    [Fact]
    public async Task Apply_NodeOutsideOfMyLabels_CannotBeLabelledIntoThem()
    {
        await using var controller = await RunningController.StartAsync();
        var outside = Samples.Node("ecu1");
        outside.Metadata.Labels.Clear();
        outside.Metadata.Labels["zone"] = "adas";
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { outside } }, cancellationToken: Ct);
        var headers = await TokenAsync(controller, AccessRole.Operator.Name, new V1.AccessScope { Selector = "zone=cockpit" });
        var nodes = new V1.NodeService.NodeServiceClient(controller.Tls(null));
        var wanted = outside.Clone();
        wanted.Metadata.Labels["zone"] = "cockpit";

        var error = await Assert.ThrowsAsync<RpcException>(async () => await nodes.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { wanted } }, headers, cancellationToken: Ct));

        Assert.Equal((StatusCode.PermissionDenied, "token:t-operator may not apply nodes of site/local node/ecu1."), (error.StatusCode, error.Status.Detail));
        Assert.Equal("adas", controller.Service<Controller.Storage.NodeStore>().Find("ecu1")!.Labels["zone"]);
    }

    private static bool IsLetIn(Status? status) => status is not { StatusCode: StatusCode.PermissionDenied or StatusCode.Unauthenticated };

    private static async Task<Metadata> TokenAsync(RunningController controller, string role, V1.AccessScope scope)
    {
        var made = await new V1.AccessService.AccessServiceClient(controller.Local()).CreateTokenAsync(
            new V1.CreateTokenRequest { Name = scope.Equals(new V1.AccessScope()) || scope.Selector.Length > 0 ? $"t-{role}" : $"t-{role}-{(scope.Fleets.Count > 0 ? "fleet" : "node")}", Role = role, Scope = scope },
            cancellationToken: Ct);
        return new Metadata { { "authorization", $"Bearer {made.Secret}" } };
    }

    /// <summary>A request that names a fleet or a node; null when the method's requests name none.</summary>
    private static byte[]? Request(MessageDescriptor type, string name, bool isFleet)
    {
        var message = type.Parser.ParseFrom([]);
        var isOfFleets = type.Name.Contains("Fleet", StringComparison.Ordinal) || type.Name.Contains("Rollout", StringComparison.Ordinal) || type.Name.Contains("Revision", StringComparison.Ordinal);
        var isNamed = false;
        foreach (var field in type.Fields.InFieldNumberOrder())
        {
            switch (field.Name)
            {
                case "fleet" or "node" when field.FieldType == FieldType.String && field.Name == (isFleet ? "fleet" : "node"):
                case "name" when field.FieldType == FieldType.String && isOfFleets == isFleet && (type.Name.EndsWith("FleetRequest", StringComparison.Ordinal) || type.Name.EndsWith("NodeRequest", StringComparison.Ordinal) || type.Name == "RestartQmRequest"):
                    field.Accessor.SetValue(message, name);
                    isNamed = true;
                    break;
                case "fleet" when isFleet && field.FieldType == FieldType.Message:
                    field.Accessor.SetValue(message, new V1.Fleet { Metadata = new() { Name = name } });
                    isNamed = true;
                    break;
                case "node" when !isFleet && field.FieldType == FieldType.Message:
                    field.Accessor.SetValue(message, new V1.Node { Metadata = new() { Name = name } });
                    isNamed = true;
                    break;
                case "fleets" when isFleet && field.IsRepeated && field.FieldType == FieldType.Message:
                    ((System.Collections.IList)field.Accessor.GetValue(message)).Add(new V1.Fleet { Metadata = new() { Name = name } });
                    isNamed = true;
                    break;
                case "nodes" when !isFleet && field.IsRepeated && field.FieldType == FieldType.Message:
                    ((System.Collections.IList)field.Accessor.GetValue(message)).Add(new V1.Node { Metadata = new() { Name = name } });
                    isNamed = true;
                    break;
            }
        }
        return isNamed ? message.ToByteArray() : null;
    }
}

using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Rest;

[Trait("Requirement", "QMF-API-060")]
public sealed class ReflectionTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reflection_ForAnAdministrator_TellsServicesAndTheirFiles()
    {
        await using var controller = await RunningController.StartAsync();
        using var call = new ServerReflection.ServerReflectionClient(controller.Admin()).ServerReflectionInfo(cancellationToken: Ct);

        var services = (await AskAsync(call, new ServerReflectionRequest { ListServices = "" })).ListServicesResponse.Service.Select(static service => service.Name);
        var file = (await AskAsync(call, new ServerReflectionRequest { FileContainingSymbol = "qm.fleet.v1.FleetService" })).FileDescriptorResponse.FileDescriptorProto;

        Assert.Contains("qm.fleet.v1.FleetService", services);
        Assert.All(services, static service => Assert.Contains(AccessRules.ByMethod.Keys, method => method.StartsWith($"/{service}/", StringComparison.Ordinal)));
        Assert.Contains(file, static bytes => FileDescriptorProto.Parser.ParseFrom(bytes).Name == V1.FleetServiceReflection.Descriptor.Name);
    }

    [Fact]
    [Trait("Requirement", "QMF-RULE-12")]
    public async Task Reflection_ForANode_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        using var call = new ServerReflection.ServerReflectionClient(controller.Node("ecu1")).ServerReflectionInfo(cancellationToken: Ct);

        var refused = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Ct));

        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
    }

    private static async Task<ServerReflectionResponse> AskAsync(AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse> call, ServerReflectionRequest request)
    {
        await call.RequestStream.WriteAsync(request, Ct);
        Assert.True(await call.ResponseStream.MoveNext(Ct));
        return call.ResponseStream.Current;
    }
}

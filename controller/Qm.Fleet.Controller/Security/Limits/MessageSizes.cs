using Grpc.AspNetCore.Server;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Artifacts;
using Qm.Fleet.Controller.Gateway;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>The largest message that each service takes, packed or not.</summary>
internal static class MessageSizes
{
    /// <summary>Of manifests of many fleets or nodes: 4 MiB.</summary>
    public const int Manifests = 4 * 1024 * 1024;

    /// <summary>Of what an agent says: 1 MiB.</summary>
    public const int Agents = NodeGatewayService.MaxMessageBytes;

    /// <summary>Of a piece of an archive: 1 MiB.</summary>
    public const int Pieces = 1024 * 1024;

    /// <summary>Of any other request, which names things and says little else: 256 KiB.</summary>
    public const int Other = 256 * 1024;

    /// <summary>Bounds the messages of every service; one that is not named here has the smallest bound.</summary>
    public static IGrpcServerBuilder AddMessageSizes(this IGrpcServerBuilder grpc)
    {
        grpc.Services.Configure<GrpcServiceOptions>(static all =>
        {
            all.MaxReceiveMessageSize = Other;
            all.CompressionProviders = [new BoundedGzip(Other)];
        });
        return grpc.Bound<FleetApi>(Manifests).Bound<NodeApi>(Manifests).Bound<ArtifactApi>(Pieces).Bound<NodeGatewayService>(Agents);
    }

    private static IGrpcServerBuilder Bound<T>(this IGrpcServerBuilder grpc, int bytes)
        where T : class => grpc.AddServiceOptions<T>(service =>
        {
            service.MaxReceiveMessageSize = bytes;
            service.CompressionProviders = [new BoundedGzip(bytes)];
        });
}

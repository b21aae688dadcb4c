using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;
using Microsoft.AspNetCore.Routing.Constraints;

namespace Qm.Fleet.Controller.Rest;

/// <summary>Puts REST together: the same methods as gRPC's, under the routes of the protos.</summary>
internal static class RestServices
{
    /// <summary>Serves the methods over REST, too.</summary>
    public static IGrpcServerBuilder AddRest(this IGrpcServerBuilder grpc)
    {
        // What follows a name with slashes, as in operations/{name}:wait, is an expression to the routing, which knows none unless told.
        grpc.Services.Configure<RouteOptions>(static routes => routes.SetParameterPolicy<RegexInlineRouteConstraint>("regex"));
        return grpc.AddJsonTranscoding(static options =>
        {
            // As protobuf's own JSON is: what is not set is left out, and 64 bits are text, which JavaScript would round.
            options.JsonSettings = new GrpcJsonSettings { IgnoreDefaultValues = true, WriteInt64sAsStrings = true };
            options.TypeRegistry = StatusJson.Types;
        });
    }
}

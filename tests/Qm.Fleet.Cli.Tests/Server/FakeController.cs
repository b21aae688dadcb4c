using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A ServerService that answers what a test put in.</summary>
internal sealed class FakeController : ServerService.ServerServiceBase
{
    public ServerVersion Version { get; set; } = new() { Version = "0.4.0", Api = "qm.fleet.v1", Runtime = "10.0.1" };

    public override Task<ServerVersion> GetVersion(GetVersionRequest request, ServerCallContext context) => Task.FromResult(Version);
}

using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Security;

[Trait("Requirement", "QMF-RULE-12")]
public sealed class AccessTests
{
    /// <summary>What a client makes of a connection that is closed on it; in TLS 1.3 it may already have sent its request.</summary>
    private static readonly StatusCode[] CutOff = [StatusCode.Unavailable, StatusCode.Internal];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Endpoints_ThatAreServed_AllHaveARule()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Metrics = "127.0.0.1:0");

        var open = controller.Service<EndpointDataSource>().Endpoints
            .Where(static endpoint => AccessGate.Needs(endpoint) is null)
            .Select(static endpoint => endpoint.DisplayName!);

        // What gRPC adds for calls of unknown services and methods; the gate answers them itself.
        Assert.All(open, static name => Assert.Contains("Unimplemented", name, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Tls_AdminOfOurCa_IsAdmitted()
    {
        await using var controller = await RunningController.StartAsync();

        Assert.Equal(StatusCode.OK, await CallAsync(controller.Admin()));
        var health = await new Health.HealthClient(controller.Admin()).CheckAsync(new HealthCheckRequest(), cancellationToken: Ct);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
    }

    [Fact]
    public async Task Tls_NeitherCertificateNorToken_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();

        Assert.Equal(StatusCode.Unauthenticated, await CallAsync(controller.Tls(null)));
    }

    [Fact]
    public async Task Tls_AdminOfAnotherCa_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        using var folder = new TemporaryFolder();
        using var other = Pki.Open(folder.Path, TimeProvider.System);
        other.EnsureAdmin();

        Assert.Contains(await CallAsync(controller.Tls(Load(folder, "pki/admin/admin"))), CutOff);
    }

    [Fact]
    public async Task Tls_CertificateThatEnded_IsRefused()
    {
        using var folder = new TemporaryFolder();
        await using var controller = await RunningController.StartAsync(adjust: options =>
        {
            using var pki = Pki.Open(options.State, new FakeTimeProvider(DateTimeOffset.UtcNow - TimeSpan.FromDays(400)));
            pki.IssueNode("ecu1", folder["ecu1"]);
        });

        Assert.Contains(await CallAsync(controller.Tls(Load(folder, "ecu1/node"))), CutOff);
        Assert.Equal(StatusCode.PermissionDenied, await CallAsync(controller.Node("ecu1")));
    }

    [Fact]
    public async Task Tls_ServerCertificateAsClient_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();

        Assert.Contains(await CallAsync(controller.Tls(Load(controller, "server/server"))), CutOff);
    }

    [Fact]
    public async Task Tls_OlderThan13_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync("127.0.0.1", new Uri(controller.Https).Port, Ct);
        await using var tls = new SslStream(client.GetStream());

        await Assert.ThrowsAnyAsync<Exception>(() => tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                EnabledSslProtocols = SslProtocols.Tls12,
                CertificateChainPolicy = Trust(controller),
            },
            Ct));
    }

    [Fact]
    public async Task Node_CallsAnAdminMethod_IsDenied()
    {
        await using var controller = await RunningController.StartAsync();
        var channel = controller.Node("ecu1");

        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await new V1.NodeService.NodeServiceClient(channel).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node() } }, cancellationToken: Ct));

        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
        Assert.Equal("node:ecu1 may not apply nodes.", error.Status.Detail);
        Assert.Empty(controller.Service<Controller.Storage.NodeStore>().After("", 10));
    }

    [Fact]
    public async Task Admin_DialsTheGateway_IsDenied()
    {
        await using var controller = await RunningController.StartAsync();
        foreach (var channel in new[] { controller.Admin(), controller.Local() })
        {
            using var call = new V1.NodeGateway.NodeGatewayClient(channel).Connect(cancellationToken: Ct);

            var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Ct));

            Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
        }
    }

    [Fact]
    public async Task Admin_CallsAnUnknownMethod_IsToldItIsNotOffered()
    {
        await using var controller = await RunningController.StartAsync();
        var marshaller = Marshallers.StringMarshaller;
        var method = new Method<string, string>(MethodType.Unary, "qm.fleet.v1.FleetService", "Explode", marshaller, marshaller);

        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await controller.Admin().CreateCallInvoker().AsyncUnaryCall(method, null, new CallOptions(cancellationToken: Ct), ""));

        Assert.Equal((StatusCode.Unimplemented, "/qm.fleet.v1.FleetService/Explode is not offered here."), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task Metrics_OnLoopback_AreReadAndNothingElseIs()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Metrics = "127.0.0.1:0");
        using var client = new HttpClient { BaseAddress = controller.MetricsAddress };

        Assert.Contains("qm_fleet_agents_connected", await client.GetStringAsync("/metrics", Ct), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/", Ct)).StatusCode);
        using var call = new ByteArrayContent([]) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } };
        var answer = await client.PostAsync("/qm.fleet.v1.FleetService/List", call, Ct);
        Assert.NotEqual("0", answer.Headers.TryGetValues("grpc-status", out var status) ? status.Single() : "none");
        var tls = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = Trust(controller),
            ClientCertificates = [Load(controller, "admin/admin")],
        };
        using var admin = new HttpClient(new SocketsHttpHandler { SslOptions = tls });
        admin.BaseAddress = new Uri(controller.Https);
        admin.DefaultRequestVersion = HttpVersion.Version20;
        Assert.Equal(HttpStatusCode.OK, (await admin.GetAsync("/metrics", Ct)).StatusCode);
        using var node = controller.Http("ecu1");
        node.DefaultRequestVersion = HttpVersion.Version20;
        Assert.Equal(HttpStatusCode.Forbidden, (await node.GetAsync("/metrics", Ct)).StatusCode);
    }

    [Fact]
    public async Task UnixSocket_OnceServing_IsForItsOwnerOnly()
    {
        await using var controller = await RunningController.StartAsync();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(controller.Options.Socket));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(Path.GetDirectoryName(controller.Options.Socket)!));
        Assert.Equal(StatusCode.OK, await CallAsync(controller.Local()));
    }

    private static async Task<StatusCode> CallAsync(GrpcChannel channel)
    {
        try
        {
            await new V1.FleetService.FleetServiceClient(channel).ListAsync(
                new V1.ListFleetsRequest(), deadline: DateTime.UtcNow + RunningController.Deadline, cancellationToken: Ct);
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }

    private static X509ChainPolicy Trust(RunningController controller)
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(controller.Service<Pki>().Authority);
        return trust;
    }

    private static X509Certificate2 Load(RunningController controller, string name)
    {
        var path = Path.Combine(controller.Options.State, "pki", name);
        return X509Certificate2.CreateFromPemFile($"{path}.crt", $"{path}.key");
    }

    private static X509Certificate2 Load(TemporaryFolder folder, string name) =>
        X509Certificate2.CreateFromPemFile(folder[$"{name}.crt"], folder[$"{name}.key"]);
}

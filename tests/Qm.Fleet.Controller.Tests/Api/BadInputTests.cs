using System.Buffers.Text;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Qm.Fleet.Controller.Tests.Api;

/// <summary>What only somebody with bad intentions sends over gRPC; over REST it is in RestTests.</summary>
[Trait("Requirement", "QMF-API-062")]
public sealed class BadInputTests
{
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(static bytes => bytes, static bytes => bytes);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Message_LargerThanFourMebibytes_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        var fleet = Samples.Fleet();
        fleet.Spec.Selector = new string('x', 5 << 20);

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { fleet } }, cancellationToken: Ct));

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
    }

    [Fact]
    public async Task Message_NestedTenThousandLevels_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        var deep = ByteString.Empty;
        for (var level = 0; level < 10_000; level++)
        {
            // Struct.fields[""] = Value{struct_value}, the innermost first.
            deep = Field(1, Field(2, Field(5, deep)));
        }
        var workload = Field(2, deep);
        var fleet = Field(2, Field(2, Field(5, workload)));

        Assert.Equal(StatusCode.InvalidArgument, await CallAsync(controller, "/qm.fleet.v1.FleetService/Apply", Field(1, fleet).ToByteArray()));
    }

    [Fact]
    public async Task String_ThatIsNoUtf8_IsRefusedAndNothingIsStored()
    {
        await using var controller = await RunningController.StartAsync();
        byte[] name = [0x0a, 0x02, 0xc3, 0x28];

        Assert.Equal(StatusCode.InvalidArgument, await CallAsync(controller, "/qm.fleet.v1.FleetService/Get", name));
        Assert.Equal(StatusCode.InvalidArgument, await CallAsync(controller, "/qm.fleet.v1.FleetService/Delete", name));
        Assert.Equal(StatusCode.InvalidArgument, await CallAsync(controller, "/qm.fleet.v1.NodeService/Get", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]));
    }

    [Fact]
    public async Task PageToken_TamperedWith_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        var client = new V1.NodeService.NodeServiceClient(controller.Local());
        await client.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("ecu1"), Samples.Node("ecu2") } }, cancellationToken: Ct);
        var token = (await client.ListAsync(new V1.ListNodesRequest { PageSize = 1 }, cancellationToken: Ct)).NextPageToken;
        var place = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token));
        Assert.Contains("ecu1", place, StringComparison.Ordinal);
        var elsewhere = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(place.Replace("ecu1", "ecu0", StringComparison.Ordinal)));
        string[] tampered = [token[1..], token + "A", new string([.. token.Reverse()]), "AAAA", "!", elsewhere];

        foreach (var other in tampered.Where(other => other != token))
        {
            var refused = await Assert.ThrowsAsync<RpcException>(async () => await client.ListAsync(new V1.ListNodesRequest { PageSize = 1, PageToken = other }, cancellationToken: Ct));
            Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        }
        // Nor does a token of one list read on in another.
        var foreign = await Assert.ThrowsAsync<RpcException>(async () => await client.ListAsync(new V1.ListNodesRequest { PageSize = 1, PageToken = token, Selector = "zone=rear" }, cancellationToken: Ct));
        Assert.Equal(StatusCode.InvalidArgument, foreign.StatusCode);
    }

    [Fact]
    public async Task Mask_OfUnknownFields_IsRefusedWithThoseThereAre()
    {
        await using var controller = await RunningController.StartAsync();
        var client = new V1.NodeService.NodeServiceClient(controller.Local());

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await client.ListAsync(new V1.ListNodesRequest { ReadMask = new FieldMask { Paths = { "no_such", "spec.nor_this" } } }, cancellationToken: Ct));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains("metadata", refused.Status.Detail, StringComparison.Ordinal);
    }

    private static async Task<StatusCode> CallAsync(RunningController controller, string method, byte[] request)
    {
        var names = method.Split('/');
        try
        {
            await controller.Local().CreateCallInvoker().AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, names[1], names[2], Raw, Raw), null, new CallOptions(cancellationToken: Ct), request);
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }

    private static ByteString Field(int number, ByteString content)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            output.WriteTag(number, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(content);
        }
        return ByteString.CopyFrom(stream.ToArray());
    }
}

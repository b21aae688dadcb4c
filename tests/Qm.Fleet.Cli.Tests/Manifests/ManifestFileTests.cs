using System.Text;
using CsCheck;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Manifests;

public sealed class ManifestFileTests
{
    private const string Everything = """
        apiVersion: qm.fleet/v1
        kind: Fleet
        metadata:
          name: "1234"
          labels: {program: atlas, year: 2026, safe: true}
        spec:
          selector: 'zone=cockpit'
          environment:
            rootfs:
              preinstalled:
            resources:
              MemorySwapMax: 0
              IOWeight: 050
              CPUQuota: "60%"
              MemoryHigh:
            oom:
              qm: "500"
              nested: 750
              asil: {brake-control.service: -1000}
            bluechi:
              qm: {ControllerAddress: unix:path=/run/bluechi/bluechi.sock}
            workloads:
              - name: radio
                oomScoreAdjust: 800
                quadlet:
                  Container:
                    Image: localhost/radio:3
                    ReadOnly: yes
                    UMask: 0022
                    PublishPort: [8080, "9090"]
        """;

    [Fact]
    public async Task ReadAsync_EveryKindOfField_FillsTheMessageAsWritten()
    {
        var fleet = Assert.IsType<V1.Fleet>(await ResourceAsync(Everything));

        var expected = new V1.Fleet
        {
            Metadata = new() { Name = "1234", Labels = { ["program"] = "atlas", ["year"] = "2026", ["safe"] = "true" } },
            Spec = new()
            {
                Selector = "zone=cockpit",
                Environment = new()
                {
                    Rootfs = new() { Preinstalled = new() },
                    Resources = new() { MemorySwapMax = "0", IoWeight = "050", CpuQuota = "60%" },
                    Oom = new() { Qm = 500, Nested = 750, Asil = { ["brake-control.service"] = -1000 } },
                    Bluechi = new() { Qm = { ["ControllerAddress"] = "unix:path=/run/bluechi/bluechi.sock" } },
                    Workloads =
                    {
                        new Workload
                        {
                            Name = "radio",
                            OomScoreAdjust = 800,
                            Quadlet = new()
                            {
                                Fields =
                                {
                                    ["Container"] = Value.ForStruct(new()
                                    {
                                        Fields =
                                        {
                                            ["Image"] = Value.ForString("localhost/radio:3"),
                                            ["ReadOnly"] = Value.ForString("yes"),
                                            ["UMask"] = Value.ForString("0022"),
                                            ["PublishPort"] = Value.ForList(Value.ForString("8080"), Value.ForString("9090")),
                                        },
                                    }),
                                },
                            },
                        },
                    },
                },
            },
        };
        Assert.Equal(expected, fleet);
    }

    [Fact]
    public async Task ReadAsync_JsonWithTabsAndEscapes_IsRead()
    {
        var node = await ResourceAsync("{\n\t\"apiVersion\": \"qm.fleet\\/v1\",\n\t\"kind\": \"Node\",\n\t\"metadata\": {\"name\": \"a\", \"labels\": {\"x\": \"\\ud83d\\ude97\"}},\n\t\"spec\": {\"cordoned\": true}\n}\n");

        Assert.Equal(new Node { Metadata = new() { Name = "a", Labels = { ["x"] = "🚗" } }, Spec = new() { Cordoned = true } }, node);
    }

    [Fact]
    public async Task ReadAsync_ByteOrderMarkAndCarriageReturns_DoNotMatter()
    {
        var node = await ResourceAsync("\uFEFFapiVersion: qm.fleet/v1\r\nkind: Node\r\nmetadata:\r\n  name: a\r\n");

        Assert.Equal(new Node { Metadata = new() { Name = "a" } }, node);
    }

    [Fact]
    public async Task LineOf_PathsAsTheServerWritesThem_AreTheLinesOfTheFile()
    {
        var resource = (await ReadAsync(Everything)).Resources.Single();

        Assert.Equal(5, resource.LineOf("metadata.labels[year]"));
        Assert.Equal(19, resource.LineOf("spec.environment.oom.asil[brake-control.service]"));
        Assert.Equal(27, resource.LineOf("spec.environment.workloads[0].quadlet.Container.Image"));
        Assert.Equal(25, resource.LineOf("spec.environment.workloads[0].quadlet.Service.Restart"));
        Assert.Equal(8, resource.LineOf("spec.environment.nothing.like.it"));
        Assert.Equal(1, resource.LineOf(""));
    }

    [Theory]
    [InlineData("cockpit.yaml", "2G", 500)]
    [InlineData("cockpit-tight.yaml", "1536M", 550)]
    public async Task Examples_Fleet_IsWhatTheGuideSays(string file, string memoryHigh, int oomQm)
    {
        var fleet = Assert.IsType<V1.Fleet>(await ResourceAsync(await ExampleAsync(file)));

        Assert.Equal("cockpit", fleet.Metadata.Name);
        Assert.Equal("zone=cockpit", fleet.Spec.Selector);
        Assert.Equal((memoryHigh, "3G", "0"), (fleet.Spec.Environment.Resources.MemoryHigh, fleet.Spec.Environment.Resources.MemoryMax, fleet.Spec.Environment.Resources.MemorySwapMax));
        Assert.Equal((oomQm, 750, -1000), (fleet.Spec.Environment.Oom.Qm, fleet.Spec.Environment.Oom.Nested, fleet.Spec.Environment.Oom.Asil["brake-control.service"]));
        Assert.Equal("radio", fleet.Spec.Environment.Workloads.Single().Name);
    }

    [Fact]
    public async Task Examples_Nodes_AreThreeOfTheCockpit()
    {
        var file = await ReadAsync(await ExampleAsync("nodes.yaml"));

        Assert.Empty(file.Problems);
        Assert.Equal(["ecu1", "ecu2", "ecu3"], file.Resources.Select(resource => resource.Name));
        Assert.All(file.Resources, resource => Assert.Equal("cockpit", Assert.IsType<Node>(resource.Message).Metadata.Labels["zone"]));
    }

    // Goal: a field that the API gets later is read, or its type is missed here and not by a user.
    [Theory]
    [InlineData("Fleet")]
    [InlineData("Node")]
    public void Fill_EveryFieldOfTheApi_HasAReader(string kind)
    {
        Google.Protobuf.IMessage message = kind == "Fleet" ? new V1.Fleet() : new Node();
        var problems = new List<ManifestProblem>();

        new MessageReader(1, problems, []).Fill(message, Sample(message.Descriptor, ""), "");

        Assert.Empty(problems);
        Assert.All(message.Descriptor.Fields.InDeclarationOrder().Where(field => field.JsonName != "status"), field => Assert.True(field.Accessor.HasValue(message)));
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-001")]
    public void ReadAsync_AnyDamage_EndsInResourcesOrProblemsWithLinesOfTheFile()
    {
        const string letters = "ab:-?[]{},#&*!|>'\"%@`\\ \t\n\r0\0<=\uFEFF";
        var damage = Gen.Select(Gen.Int[0, Everything.Length - 1], Gen.Int[0, 6], Gen.Char[letters]);
        damage.Array[1, 8].Sample(hits =>
        {
            var text = new StringBuilder(Everything);
            foreach (var (at, length, letter) in hits.Where(hit => hit.Item1 < text.Length))
            {
                text.Remove(at, Math.Min(length, text.Length - at)).Insert(at, letter);
            }

            var file = ReadAsync(text.ToString()).GetAwaiter().GetResult();
            var lines = text.ToString().Count(letter => letter is '\n' or '\r' or '\u0085' or '\u2028' or '\u2029') + 2;
            Assert.True(file.Problems.Count > 0 || file.Resources.Count > 0);
            Assert.All(file.Problems, problem => Assert.InRange(problem.Line, 0, lines));
        });
    }

    private static async Task<Google.Protobuf.IMessage> ResourceAsync(string text)
    {
        var file = await ReadAsync(text);
        Assert.Empty(file.Problems);
        return file.Resources.Single().Message;
    }

    private static Task<ManifestFile> ReadAsync(string text) =>
        ManifestFile.ReadAsync("test", new MemoryStream(Encoding.UTF8.GetBytes(text)), TestContext.Current.CancellationToken);

    private static Task<string> ExampleAsync(string name) =>
        File.ReadAllTextAsync(Checkout.Of($"deploy/examples/{name}"), TestContext.Current.CancellationToken);

    // Of fields that exclude each other the last, which has the most below it.
    private static ManifestNode.Mapping Sample(MessageDescriptor message, string path) => new(
        [.. message.Fields.InDeclarationOrder()
            .Where(field => field.RealContainingOneof is not { } choice || choice.Fields[^1] == field)
            .Where(field => !KnownFields.IsOfServer(FieldPath.Of(path, field.JsonName)))
            .Select(field => (new ManifestNode.Scalar(field.JsonName, true, 1), Sample(field, FieldPath.Of(path, field.JsonName))))], 1);

    private static ManifestNode Sample(FieldDescriptor field, string path)
    {
        if (field.IsMap)
        {
            return new ManifestNode.Mapping([(new("key", true, 1), SampleOne(field.MessageType.FindFieldByNumber(2), path))], 1);
        }

        return field.IsRepeated ? new ManifestNode.Sequence([SampleOne(field, path)], 1) : SampleOne(field, path);
    }

    private static ManifestNode SampleOne(FieldDescriptor field, string path) => field.FieldType switch
    {
        FieldType.Message when field.MessageType.FullName == Struct.Descriptor.FullName => new ManifestNode.Mapping([], 1),
        FieldType.Message => Sample(field.MessageType, path),
        FieldType.Bool => new ManifestNode.Scalar("true", true, 1),
        _ => new ManifestNode.Scalar("7", true, 1),
    };
}

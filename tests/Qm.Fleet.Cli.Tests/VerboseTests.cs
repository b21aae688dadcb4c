using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests;

/// <summary>-v shows what went to the server and came back, beside what the verb shows anyway.</summary>
[Trait("Requirement", "QMF-CLI-017")]
public sealed class VerboseTests : CliTest
{
    [Fact]
    public async Task Get_WithV_ShowsEveryCallOnStandardErrorOnly()
    {
        Server.Nodes.Stored.AddRange([.. new[] { "ecu1", "ecu2", "ecu3" }.Select(static name => new Node { Metadata = new() { Name = name } })]);

        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes", "-l", "zone=cockpit", "-o", "name", "-v"));

        Assert.Equal("node/ecu1\nnode/ecu2\nnode/ecu3\n", Out.ToString());
        Assert.Equal("""
            > /qm.fleet.v1.NodeService/List  { "selector": "zone=cockpit" }
            < /qm.fleet.v1.NodeService/List  { "nodes": [ { "metadata": { "name": "ecu1" } }, { "metadata": { "name": "ecu2" } } ], "nextPageToken": "2" }
            /qm.fleet.v1.NodeService/List  OK  0 ms
            > /qm.fleet.v1.NodeService/List  { "selector": "zone=cockpit", "pageToken": "2" }
            < /qm.fleet.v1.NodeService/List  { "nodes": [ { "metadata": { "name": "ecu3" } } ] }
            /qm.fleet.v1.NodeService/List  OK  0 ms

            """, Errors);
    }

    [Fact]
    public async Task Get_RefusedWithV_ShowsTheStatusAndThenWhy()
    {
        Assert.Equal(ExitCode.NotFound, await RunAsync("get", "node", "ecu9", "-v"));

        Assert.Equal("", Out.ToString());
        Assert.Equal("""
            > /qm.fleet.v1.NodeService/Get  { "name": "ecu9" }
            /qm.fleet.v1.NodeService/Get  NotFound  0 ms  Node ecu9 not found
            Node ecu9 not found

            """, Errors);
    }

    [Fact]
    public async Task Get_RefusedWithDetailsAndV_ShowsEachDetailWhateverItIs()
    {
        var now = new V1.Fleet { Metadata = new() { Name = "cockpit" }, Spec = new() { Environment = new() { Rootfs = new() { Archive = new() { Url = "https://ann:hunter2@files.example/qm.tar?sig=hunter2" } } } } };
        Server.Nodes.OnList = _ => throw new Google.Rpc.Status
        {
            Code = (int)Code.Aborted,
            Message = "not\u001b[2J now",
            Details =
            {
                Any.Pack(new ErrorInfo { Reason = "GENERATION", Metadata = { ["node"] = "ecu1" } }), Any.Pack(now),
                new Any { TypeUrl = "type.googleapis.com/acme.Unknown", Value = Google.Protobuf.ByteString.CopyFrom(7) },
                new Any { TypeUrl = "type.googleapis.com/google.rpc.RetryInfo", Value = Google.Protobuf.ByteString.CopyFrom(7) },
            },
        }.ToRpcException();

        Assert.Equal(ExitCode.Refused, await RunAsync("get", "nodes", "-v"));

        Assert.Equal("""
            > /qm.fleet.v1.NodeService/List  { }
            < /qm.fleet.v1.NodeService/List  google.rpc.ErrorInfo { "reason": "GENERATION", "metadata": { "node": "ecu1" } }
            < /qm.fleet.v1.NodeService/List  qm.fleet.v1.Fleet { "metadata": { "name": "cockpit" }, "spec": { "environment": { "rootfs": { "archive": { "url": "https://[redacted]@files.example/qm.tar?[redacted]" } } } } }
            < /qm.fleet.v1.NodeService/List  acme.Unknown { "@type": "type.googleapis.com/acme.Unknown", "@value": "Bw==" }
            < /qm.fleet.v1.NodeService/List  google.rpc.RetryInfo { "@type": "type.googleapis.com/google.rpc.RetryInfo", "@value": "Bw==" }
            /qm.fleet.v1.NodeService/List  Aborted  0 ms  not?[2J now
            """, string.Join('\n', Errors.Split('\n').SkipLast(2)));
    }

    [Fact]
    public async Task Get_LongAnswerWithV_IsCutWithAMark()
    {
        Server.Nodes.Stored.Add(new() { Metadata = new() { Name = "ecu1", Labels = { ["a"] = new string('x', 5000) } } });

        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes", "-o", "name", "-v"));

        var answer = Errors.Split('\n')[1];
        Assert.EndsWith("xxx...", answer, StringComparison.Ordinal);
        Assert.Equal("< /qm.fleet.v1.NodeService/List  ".Length + 2000 + "...".Length, answer.Length);
    }

    [Fact]
    public async Task Logs_WithV_ShowEachAnswerOfTheStreamAndItsEnd()
    {
        Server.Nodes.Stored.Add(new() { Metadata = new() { Name = "ecu1" } });
        Server.Diagnostics.Logs.Add(new() { Unit = "qm.service", Identifier = "podman", Message = "Started QM" });
        Server.Diagnostics.Logs.Add(new() { Unit = "qm.service", Identifier = "podman", Message = "PASSWORD=hunter2" });

        Assert.Equal(ExitCode.Done, await RunAsync("logs", "ecu1", "-v"));

        Assert.Contains("Started QM", Out.ToString(), StringComparison.Ordinal);
        Assert.Equal("""
            > /qm.fleet.v1.DiagnosticsService/GetLogs  { "node": "ecu1", "lines": 100 }
            < /qm.fleet.v1.DiagnosticsService/GetLogs  { "unit": "qm.service", "identifier": "podman", "message": "Started QM" }
            < /qm.fleet.v1.DiagnosticsService/GetLogs  { "unit": "qm.service", "identifier": "podman", "message": "PASSWORD=[redacted]" }
            /qm.fleet.v1.DiagnosticsService/GetLogs  OK  0 ms

            """, Errors);
    }

    [Fact]
    public async Task Push_WithV_ShowsWhatIsSentButNotTheFile()
    {
        Assert.Equal(ExitCode.Done, await RunAsync("artifact", "push", Write("qm.tar", "content"), "-v"));

        var shown = Errors.Split('\n').Where(static line => line.Contains("ArtifactService/Push", StringComparison.Ordinal)).ToArray();
        Assert.Collection(
            shown,
            static asked => Assert.StartsWith("""> /qm.fleet.v1.ArtifactService/Push  { "header": { "sha256": """, asked, StringComparison.Ordinal),
            static answered => Assert.StartsWith("""< /qm.fleet.v1.ArtifactService/Push  { "sha256": """, answered, StringComparison.Ordinal),
            static end => Assert.Equal("/qm.fleet.v1.ArtifactService/Push  OK  0 ms", end));
    }

    [Theory]
    [Trait("Requirement", "QMF-SECRET-001")]
    [InlineData("auth", "token", "create", "ci", "--role", "viewer")]
    [InlineData("join-token", "create", "bench", "--node", "ecu1")]
    public async Task Create_WithV_ShowsTheAnswerWithoutItsSecret(params string[] args)
    {
        // In no form that is known: by its place alone it is one.
        Server.Access.Secret = Server.Enrollments.Secret = "S3cret";

        Assert.Equal(ExitCode.Done, await RunAsync([.. args, "-v"]));

        Assert.Equal("S3cret\n", Out.ToString());
        Assert.Contains("""
            "secret": "[redacted]" }
            """, Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("S3cret", Errors, StringComparison.Ordinal);
    }
}

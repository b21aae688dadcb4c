using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Cli.Tests.Server;
using Qm.Fleet.Lab.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

/// <summary>qmfleet lab against a lab's socket in this process.</summary>
public sealed class LabTests : IAsyncLifetime
{
    private readonly ObservedWriter _out = new();
    private readonly ObservedWriter _error = new();
    private string _server = "";
    private FakeLab _lab = null!;

    public async ValueTask InitializeAsync()
    {
        _lab = await FakeLab.StartAsync();
        _server = $"unix:{_lab.Folder}/api.sock";
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    public static TheoryData<string, string> Faults => new()
    {
        { "ecu2 freeze", """{ "node": "ecu2", "freeze": { } }""" },
        { "qm.ecu2 thaw", """{ "node": "qm.ecu2", "thaw": { } }""" },
        { "ecu2 cut", """{ "node": "ecu2", "cut": { } }""" },
        { "ecu2 cut --data-in-flight", """{ "node": "ecu2", "cut": { "dataInFlight": true } }""" },
        { "ecu2 heal", """{ "node": "ecu2", "heal": { } }""" },
        { "ecu2 heal --fresh", """{ "node": "ecu2", "heal": { "fresh": true } }""" },
        { "ecu2 delay 300ms", """{ "node": "ecu2", "delay": { "by": "0.300s" } }""" },
        { "ecu2 merge-jobs", """{ "node": "ecu2", "mergeJobs": { } }""" },
        { "ecu2 flood", """{ "node": "ecu2", "flood": { "rate": 1000 } }""" },
        { "ecu2 flood --rate 50 --for 2m", """{ "node": "ecu2", "flood": { "rate": 50, "duration": "120s" } }""" },
        { "ecu2 refuse AccessDenied", """{ "node": "ecu2", "refuse": { "error": "AccessDenied" } }""" },
        { "ecu2 refuse a.b --unit qm.service --method Reload", """{ "node": "ecu2", "refuse": { "error": "a.b", "unit": "qm.service", "method": "Reload" } }""" },
        { "ecu2 slow qm.service 5s", """{ "node": "ecu2", "slow": { "unit": "qm.service", "by": "5s" } }""" },
        { "ecu2 fail-start qm.service", """{ "node": "ecu2", "failStart": { "unit": "qm.service", "times": 1 } }""" },
        { "ecu2 fail-start qm.service 3", """{ "node": "ecu2", "failStart": { "unit": "qm.service", "times": 3 } }""" },
        { "ecu2 crash-qm", """{ "node": "ecu2", "crashQm": { } }""" },
        { "ecu2 crash-loop", """{ "node": "ecu2", "crashLoop": { } }""" },
        { "ecu2 kill-workload radio", """{ "node": "ecu2", "killWorkload": { "name": "radio" } }""" },
        { "ecu2 fail-probe radio", """{ "node": "ecu2", "failProbe": { "name": "radio" } }""" },
        { "ecu2 oom nested radio", """{ "node": "ecu2", "outOfMemory": { "nested": "radio" } }""" },
        { "ecu2 oom qm", """{ "node": "ecu2", "outOfMemory": { "qm": true } }""" },
        { "ecu2 oom host", """{ "node": "ecu2", "outOfMemory": { "host": true } }""" },
        { "ecu2 crash-loop radio", """{ "node": "ecu2", "crashLoop": { "name": "radio" } }""" },
        { "ecu2 kill-extension", """{ "node": "ecu2", "killExtension": { } }""" },
        { "ecu2 cut-cable", """{ "node": "ecu2", "cutCable": { } }""" },
        { "ecu2 flap", """{ "node": "ecu2", "flap": { "every": "3s" } }""" },
        { "qm.ecu2 flap --every 500ms", """{ "node": "qm.ecu2", "flap": { "every": "0.500s" } }""" },
        { "ecu2 fill-disk", """{ "node": "ecu2", "fillDisk": { } }""" },
        { "ecu2 oom-score radio 400", """{ "node": "ecu2", "setOomScore": { "name": "radio", "score": 400 } }""" },
        { "ecu1,ecu2 crash-qm", """{ "crashQm": { }, "nodes": [ "ecu1", "ecu2" ] }""" },
        { "all kill-workload radio", """{ "killWorkload": { "name": "radio" }, "nodes": [ "all" ] }""" },
        { "ecu2 reboot", """{ "node": "ecu2", "reboot": { } }""" },
        { "bluechi restart", """{ "restartBluechi": { } }""" },
        { "bluechi restart --killed --down 10s", """{ "restartBluechi": { "killed": true, "down": "10s" } }""" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    [Trait("Requirement", "QMF-LAB-004")]
    public async Task Fault_EachWord_AsksForIt(string words, string request)
    {
        Assert.Equal(0, await RunAsync(["lab", "fault", .. words.Split(' ')]));
        Assert.Equal([request], _lab.Asked.Select(asked => asked.ToString()));
        Assert.Equal("it is so\n", _out.ToString());
    }

    [Theory]
    [InlineData("ecu2 slow radio.service 25h --hard", "slow", "DURATION 25h: expected a number with ms, s, m or h, such as 300ms, at most 24h", "Unrecognized command or argument '--hard'.")]
    [InlineData("bluechi restart --down 5x now", "bluechi restart", "--down 5x: expected a number with ms, s, m or h, such as 300ms, at most 24h", "Unrecognized command or argument 'now'.")]
    [InlineData("ecu2 flood --rate 0 --for 0s", "flood", "--rate 0: expected a number from 1 to 100000", "--for 0s: expected a number with ms, s, m or h, such as 300ms, at most 24h")]
    [InlineData("ecu2 fail-start", "fail-start", "Required argument 'UNIT' missing for command: 'fail-start'.")]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Fault_WrongCommandLine_TellsEveryProblem(string words, string verb, params string[] problems)
    {
        Assert.Equal(2, await RunAsync(["lab", "fault", .. words.Split(' ')]));
        Assert.All(problems, problem => Assert.Contains(problem + "\n", _error.ToString(), StringComparison.Ordinal));
        Assert.EndsWith($"See qmfleet --help, or qmfleet lab fault {verb} --help.\n", _error.ToString(), StringComparison.Ordinal);
        Assert.Empty(_lab.Asked);
        Assert.Empty(_out.ToString());
    }

    [Theory]
    [InlineData("freeze")]
    [InlineData("slow radio.service 5s")]
    [InlineData("ecu2")]
    [InlineData("ecu2 restart")]
    [InlineData("bluechi freeze")]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Fault_WithoutNodeOrWithAFaultThatIsNotItsOwn_IsInvalid(string words)
    {
        Assert.Equal(2, await RunAsync(["lab", "fault", .. words.Split(' ')]));
        Assert.NotEmpty(_error.ToString());
        Assert.Empty(_lab.Asked);
    }

    [Theory]
    [InlineData(StatusCode.NotFound, 3, "no such node; it has ecu1\n")]
    [InlineData(StatusCode.FailedPrecondition, 4, "refused: no such node; it has ecu1\n")]
    [InlineData(StatusCode.InvalidArgument, 2, "no such node; it has ecu1\n")]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Fault_TheLabWillNot_EndsAsDocumented(StatusCode code, int exit, string message)
    {
        _lab.Error = new RpcException(new(code, "no such node; it has ecu1"));
        Assert.Equal(exit, await RunAsync("lab", "fault", "ecu9", "freeze"));
        Assert.Equal(message, _error.ToString());
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Lab_NoneIsThere_SaysSoAndHowToStartOne()
    {
        Assert.Equal(6, await RunAsync("lab", "faults", "--lab", "/nonexistent/lab"));
        Assert.Equal("""
            no lab answers: there is no socket /nonexistent/lab/lab.sock
            Start one with: dotnet run --project controller/Qm.Fleet.Lab
            then take over the QMFLEET_SERVER it prints, or name its directory with --lab.

            """, _error.ToString());
    }

    [Fact]
    public async Task Lab_BesideAServerElsewhere_MustBeNamed()
    {
        Assert.Equal(2, await RunAsync("lab", "faults", "--server", "https://ctl:8420"));
        Assert.Equal("--server https://ctl:8420: a lab is found beside a Unix socket; name the lab's directory with --lab\n", _error.ToString());
    }

    [Fact]
    public async Task Lab_NamedByItsDirectory_IsFoundThere()
    {
        Assert.Equal(0, await RunAsync("lab", "faults", "--server", "https://ctl:8420", "--lab", _lab.Folder));
        Assert.IsType<ListFaultsRequest>(Assert.Single(_lab.Asked));
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Faults_OfAllFormats_HoldDataOnly()
    {
        _lab.Faults.AddRange([new() { Node = "ecu1", Name = "delay", Detail = "200ms" }, new() { Node = "qm.ecu2", Name = "freeze" }]);
        Assert.Equal(0, await RunAsync("lab", "faults"));
        Assert.Equal(0, await RunAsync("lab", "faults", "-o", "name"));
        Assert.Equal("""
            NODE     FAULT   DETAIL
            ecu1     delay   200ms
            qm.ecu2  freeze  -
            fault/ecu1/delay
            fault/qm.ecu2/freeze

            """, _out.ToString());
        Assert.Empty(_error.ToString());
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Faults_None_SaysSoBesideTheData()
    {
        Assert.Equal(0, await RunAsync("lab", "faults"));
        Assert.Equal(0, await RunAsync("lab", "clear"));
        Assert.Empty(_out.ToString());
        Assert.Equal("no faults\nno faults\n", _error.ToString());
    }

    [Fact]
    [Trait("Requirement", "QMF-LAB-004")]
    public async Task Clear_OfANode_TellsWhatHasEnded()
    {
        _lab.Faults.Add(new() { Node = "ecu1", Name = "slow", Detail = "radio.service 5s" });
        Assert.Equal(0, await RunAsync("lab", "clear", "ecu1"));
        Assert.Equal("ecu1 slow radio.service 5s cleared\n", _out.ToString());
        Assert.Equal("ecu1", Assert.IsType<ClearFaultsRequest>(Assert.Single(_lab.Asked)).Node);
    }

    private Task<int> RunAsync(params string[] args) => CommandLine.RunAsync(
        args, new CliContext(_out, _error, Stream.Null, name => name == "QMFLEET_SERVER" ? _server : null, new FakeTimeProvider(CliTest.Now)), TestContext.Current.CancellationToken);
}

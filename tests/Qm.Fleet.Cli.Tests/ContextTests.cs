using Qm.Fleet.Cli.Tests.Server;
using Xunit;

namespace Qm.Fleet.Cli.Tests;

[Trait("Requirement", "QMF-CLI-016")]
public sealed class ContextTests : CliTest
{
    // What is asked for, by what says where: the line, a context it names, the environment, the current context.
    [Theory]
    [InlineData("--server {here}", "", "away", "", true)]
    [InlineData("--server {here} --context away", "", "away", "", true)]
    [InlineData("--context here", "unix:/nowhere/env", "away", "", true)]
    [InlineData("--context away", "{here}", "here", "/nowhere/away", false)]
    [InlineData("", "{here}", "away", "", true)]
    [InlineData("", "", "here", "", true)]
    [InlineData("", "", "away", "/nowhere/away", false)]
    [InlineData("", "", "", "/run/qm-fleet/qmfleet.sock", false)]
    public async Task Get_SeveralSayWhere_TheNearestHolds(string line, string variable, string current, string unreachable, bool isReached)
    {
        Environment["QMFLEET_CONFIG"] = Write("config.yaml", $$"""
            current-context: {{current}}
            contexts:
              - {name: here, server: "{{Server.Address}}"}
              - {name: away, server: "unix:/nowhere/away"}
            """.Replace("current-context: \n", "", StringComparison.Ordinal));
        Environment["QMFLEET_SERVER"] = variable.Replace("{here}", Server.Address, StringComparison.Ordinal);

        var end = await RunAsync(["get", "nodes", .. line.Replace("{here}", Server.Address, StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

        Assert.Equal(isReached ? ExitCode.Done : ExitCode.Unreachable, end);
        Assert.Contains(isReached ? "no nodes" : unreachable, Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_ContextWithCertificates_IsWhoOneIsThere()
    {
        using var pki = new TestPki();
        await using var server = await FakeServer.OnTlsAsync(pki);
        Environment.Clear();
        Environment["QMFLEET_CONFIG"] = Files + "new/config.yaml";
        await RunAsync("config", "set-context", "bench", "--server", server.Address, "--pki", pki.Directory);

        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Environment["QMFLEET_CONFIG"]));
    }

    [Fact]
    public async Task Get_BadConfiguration_Is2WithEveryProblem()
    {
        Environment.Clear();
        Environment["QMFLEET_CONFIG"] = Write("config.yaml", """
            currentcontext: bench
            contexts:
              - {name: bench}
              - {name: lab, server: "unix:/a", password: x}
            """);

        Assert.Equal(ExitCode.Invalid, await RunAsync("get", "nodes"));
        Assert.Equal("""
            config.yaml: 3 problems, nothing was done
              line 1  currentcontext: expected current-context with a name, or contexts with a list
              line 3  contexts: expected a name and a server
              line 4  contexts.password: no such field; known are name, server, pki, token, token-file

            """, Errors);
    }
}

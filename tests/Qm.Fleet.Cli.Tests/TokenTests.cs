using Microsoft.AspNetCore.Server.Kestrel.Https;
using Qm.Fleet.Cli.Tests.Server;
using Xunit;

namespace Qm.Fleet.Cli.Tests;

/// <summary>Who one is by a bearer token, and where it goes.</summary>
[Trait("Requirement", "QMF-ACCESS-006")]
public sealed class TokenTests : CliTest
{
    private const string Secret = "qmf_id_S3cret";

    // What the line says, then the context, then the environment.
    [Theory]
    [InlineData("--token qmf_a_line --context bench", "qmf_a_variable", "qmf_a_line")]
    [InlineData("--context bench", "qmf_a_variable", "qmf_a_context")]
    [InlineData("--server {tls} --pki {pki}", "qmf_a_variable", "qmf_a_variable")]
    public async Task Get_SeveralTokens_TheNearestIsSent(string line, string variable, string sent)
    {
        using var pki = OnlyAuthority();
        await using var server = await FakeServer.OnTlsAsync(pki, ClientCertificateMode.AllowCertificate);
        Environment.Clear();
        Environment["QMFLEET_TOKEN"] = variable;
        Environment["QMFLEET_CONFIG"] = Files + "config.yaml";
        Assert.Equal(ExitCode.Done, await RunAsync("config", "set-context", "bench", "--server", server.Address, "--pki", pki.Directory, "--token", "qmf_a_context"));

        Assert.Equal(ExitCode.Done, await RunAsync(["get", "nodes", .. line.Replace("{tls}", server.Address, StringComparison.Ordinal).Replace("{pki}", pki.Directory, StringComparison.Ordinal).Split(' ')]));

        Assert.Equal([($"Bearer {sent}", "")], server.Callers);
    }

    [Fact]
    [Trait("Requirement", "QMF-OIDC-001")]
    public async Task Get_TokenOfAFile_IsReadAnewByEachCommand()
    {
        using var pki = OnlyAuthority();
        await using var server = await FakeServer.OnTlsAsync(pki, ClientCertificateMode.AllowCertificate);
        Environment.Clear();
        Environment["QMFLEET_CONFIG"] = Files + "config.yaml";
        var file = Files + "token";
        await File.WriteAllTextAsync(file, "eyJh.first.token\n", TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Done, await RunAsync("config", "set-context", "bench", "--server", server.Address, "--pki", pki.Directory, "--token-file", file));

        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes", "--context", "bench"));
        await File.WriteAllTextAsync(file, "eyJh.second.token", TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes", "--context", "bench"));
        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes", "--context", "bench", "--token", Secret));
        File.Delete(file);
        Assert.Equal(ExitCode.Invalid, await RunAsync("get", "nodes", "--context", "bench"));

        Assert.Equal(["Bearer eyJh.first.token", "Bearer eyJh.second.token", $"Bearer {Secret}"], server.Callers.Select(static caller => caller.Item1));
        Assert.DoesNotContain("eyJh", await File.ReadAllTextAsync(Files + "config.yaml", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Contains("--token-file", Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_TokenFileOfTheEnvironmentOnASocket_IsNotRead()
    {
        Environment["QMFLEET_TOKEN_FILE"] = Files + "nowhere";

        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes"));

        Assert.Equal([("", "")], Server.Callers);
    }

    [Fact]
    public async Task Get_TokenAndCertificate_ShowsTheTokenAlone()
    {
        using var pki = new TestPki();
        await using var server = await FakeServer.OnTlsAsync(pki, ClientCertificateMode.AllowCertificate);
        Environment.Clear();

        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes", "--server", server.Address, "--pki", pki.Directory, "--token", Secret));
        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes", "--server", server.Address, "--pki", pki.Directory));

        Assert.Equal([($"Bearer {Secret}", ""), ("", "CN=admin")], server.Callers);
    }

    [Fact]
    public async Task Get_TokenOfTheEnvironmentOnASocket_IsNotSent()
    {
        Environment["QMFLEET_TOKEN"] = Secret;

        Assert.Equal(ExitCode.Done, await RunAsync("get", "nodes"));

        Assert.Equal([("", "")], Server.Callers);
    }

    [Theory]
    [InlineData("unix:/nowhere", Secret, "takes none, since on a Unix socket the kernel says who you are")]
    [InlineData("http://bench:8420", Secret, "expected unix:/path or https://host:port")]
    [InlineData("https://bench:8420", "S3cret\r\nx: y", "expected 1 to 16384 letters, digits and")]
    [InlineData("https://bench:8420", Secret, "is it the right one? Name the directory of its ca.crt with --pki or QMFLEET_PKI")]
    public async Task Get_TokenThatCannotBeSent_IsRefusedAndNotShown(string server, string token, string because)
    {
        Environment.Clear();

        Assert.Equal(ExitCode.Invalid, await RunAsync("get", "nodes", "--server", server, "--token", token, "-v"));

        Assert.Contains(because, Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("S3cret", Errors, StringComparison.Ordinal);
        Assert.Empty(Server.Callers);
    }

    [Fact]
    public async Task Token_WhateverIsAskedWithV_IsNeverShown()
    {
        using var pki = OnlyAuthority();
        await using var server = await FakeServer.OnTlsAsync(pki, ClientCertificateMode.AllowCertificate);
        Environment.Clear();
        Environment["QMFLEET_CONFIG"] = Files + "config.yaml";

        await RunAsync("config", "set-context", "bench", "--server", server.Address, "--pki", pki.Directory, "--token", Secret, "-v");
        await RunAsync("get", "nodes", "-v");
        await RunAsync("get", "node", "nosuch", "-v");
        await RunAsync("watch", "nosuch", "-v");
        await RunAsync("config", "get-contexts", "-v");
        await RunAsync("config", "view", "-v");
        await RunAsync("config", "view", "-o", "jsonpath={.contexts[*].token}");

        Assert.NotEmpty(server.Callers);
        Assert.Contains("REDACTED", Out.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("S3cret", Out.ToString() + Errors, StringComparison.Ordinal);
        Assert.Contains(Secret, await File.ReadAllTextAsync(Files + "config.yaml", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Files + "config.yaml"));
    }

    [Fact]
    public async Task Create_Token_PrintsTheSecretAloneOnStdout()
    {
        Server.Access.Secret = Secret;

        Assert.Equal(ExitCode.Done, await RunAsync("auth", "token", "create", "ci", "--role", "operator", "--fleet", "cockpit", "--expires-in", "90d", "-v"));

        Assert.Equal($"{Secret}\n", Out.ToString());
        Assert.DoesNotContain(Secret, Errors, StringComparison.Ordinal);
        var made = Assert.Single(Server.Access.Tokens);
        Assert.Equal(("ci", "operator", Now + TimeSpan.FromDays(90)), (made.Name, made.Role, made.ExpiresAt.ToDateTimeOffset()));
        Assert.Equal(["cockpit"], made.Scope.Fleets);
    }

    [Theory]
    [InlineData("get", ExitCode.Done, "yes\n", "")]
    [InlineData("delete", ExitCode.Refused, "no\n", "token:ci may not delete nodes of node/ecu1.\n")]
    public async Task CanI_Answer_IsTheExitCodeToo(string verb, int end, string output, string errors)
    {
        Assert.Equal(end, await RunAsync("auth", "can-i", verb, "nodes", "--node", "ecu1"));
        Assert.Equal((output, errors), (Out.ToString(), Errors));
    }

    /// <summary>What a client with a token has: no certificate of its own.</summary>
    private static TestPki OnlyAuthority()
    {
        var pki = new TestPki();
        File.Delete(Path.Combine(pki.Directory, "admin.crt"));
        File.Delete(Path.Combine(pki.Directory, "admin.key"));
        return pki;
    }
}

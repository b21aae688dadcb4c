using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Qm.Fleet.Controller.Tests.Rest;

/// <summary>REST as a person has it at hand: curl, with the certificate that the controller made.</summary>
[Trait("Requirement", "QMF-REST-001")]
public sealed partial class CurlTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Curl_OverTls_ListsAppliesPatchesWatchesAndDeletes()
    {
        await using var controller = await RunningController.StartAsync();

        Assert.Equal((200, "CREATED"), Of(await CurlAsync(controller, "/v1/nodes:apply", "-d", """{"nodes": [{"metadata": {"name": "ecu1", "labels": {"zone": "cockpit"}}}]}"""), "results.0.result"));
        Assert.Equal((200, "ecu1"), Of(await CurlAsync(controller, "/v1/nodes?selector=zone%3Dcockpit&readMask=metadata.name"), "nodes.0.metadata.name"));
        Assert.Equal((200, "cockpit"), Of(await CurlAsync(controller, "/v1/nodes/ecu1"), "metadata.labels.zone"));
        Assert.Equal((200, "2"), Of(await CurlAsync(controller, "/v1/nodes/ecu1?updateMask=spec.cordoned&generation=1", "-X", "PATCH", "-d", """{"spec": {"cordoned": true}}"""), "node.metadata.generation"));
        Assert.Equal((200, "true"), Of(await CurlAsync(controller, "/v1/nodes/ecu1"), "spec.cordoned"));
        Assert.Equal((200, "2"), Of(await CurlAsync(controller, "/v1/nodes/ecu1:cordon", "-X", "POST"), "metadata.generation"));

        var (watched, lines) = await CurlAsync(controller, "/v1/nodes:watch", "--no-buffer", "--max-time", "3");
        Assert.Equal(200, watched);
        Assert.Equal(["SNAPSHOT", "BOOKMARK"], lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Take(2).Select(static line => (string?)JsonNode.Parse(line)!["type"]));

        Assert.Equal((200, "ecu1"), Of(await CurlAsync(controller, "/v1/nodes/ecu1", "-X", "DELETE"), "metadata.name"));
    }

    [Fact]
    [Trait("Requirement", "QMF-REST-003")]
    public async Task Curl_ForWhatCannotBe_IsToldSo()
    {
        await using var controller = await RunningController.StartAsync();
        var node = """{"metadata": {"name": "ecu1"}}""";
        Assert.Equal(200, (await CurlAsync(controller, "/v1/nodes", "-d", node)).Status);

        Assert.Equal((404, "5"), Of(await CurlAsync(controller, "/v1/nodes/nobody"), "code"));
        Assert.Equal((409, "6"), Of(await CurlAsync(controller, "/v1/nodes", "-d", node), "code"));
        Assert.Equal((409, "10"), Of(await CurlAsync(controller, "/v1/nodes/ecu1?generation=7", "-X", "DELETE"), "code"));
        Assert.Equal((400, "3"), Of(await CurlAsync(controller, "/v1/nodes?pageSize=-1"), "code"));
        Assert.Equal((400, "3"), Of(await CurlAsync(controller, "/v1/nodes?readMask=no.such"), "code"));
        Assert.Equal((400, "3"), Of(await CurlAsync(controller, "/v1/nodes?pageToken=AAAA"), "code"));
        Assert.Equal((400, "9"), Of(await CurlAsync(controller, "/v1/nodes/ecu1/checks"), "code"));
        Assert.Equal((415, "3"), Of(await CurlAsync(controller, "/v1/nodes", "-H", "Content-Type: text/plain", "-d", node), "code"));
        Assert.Equal((403, "7"), Of(await CurlAsync(controller, "/v1/nodes", "-H", "Origin: https://elsewhere.example"), "code"));
    }

    [Fact]
    public async Task Curl_OnTheUnixSocket_NeedsNoCertificate()
    {
        await using var controller = await RunningController.StartAsync();

        var (status, _) = await RunAsync("--unix-socket", controller.Options.RestSocket, "http://localhost/v1/fleets");

        Assert.Equal(200, status);
    }

    [Fact]
    public async Task Curl_AsTheReadmeHasIt_IsAnswered()
    {
        await using var controller = await RunningController.StartAsync();
        await CurlAsync(controller, "/v1/nodes:apply", "-d", """{"nodes": [{"metadata": {"name": "ecu1", "labels": {"zone": "cockpit"}}}]}""");
        var commands = (await File.ReadAllLinesAsync(Checkout.Of("README.md"), Ct)).Where(static line => line.StartsWith("curl ", StringComparison.Ordinal)).ToList();

        Assert.Equal(3, commands.Count);
        foreach (var command in commands)
        {
            // As it stands there, but for where this controller and its keys are, and an end for the watch.
            var here = command["curl ".Length..].Replace("/run/qm-fleet/qmfleet-rest.sock", controller.Options.RestSocket, StringComparison.Ordinal)
                .Replace("https://localhost:8420", controller.Https, StringComparison.Ordinal);
            var pki = Path.Combine(controller.Options.State, "pki/admin");
            var words = Words().Matches(here).Select(static word => word.Value.Trim('\'')).Select(word => word is "ca.crt" or "admin.crt" or "admin.key" ? Path.Combine(pki, word) : word);
            var (status, body) = await RunAsync([.. words, "--max-time", "3"]);

            Assert.True(status == 200, $"{command} was answered with {status}: {body}");
            Assert.Contains("ecu1", body, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex("'[^']*'|\\S+")]
    private static partial Regex Words();

    private static (int Status, string Value) Of((int Status, string Body) answer, string path)
    {
        var at = JsonNode.Parse(answer.Body)!;
        foreach (var step in path.Split('.'))
        {
            at = (int.TryParse(step, out var index) ? at[index] : at[step]) ?? throw new Xunit.Sdk.XunitException($"no {path} in {answer.Status} {answer.Body}");
        }
        return (answer.Status, at.ToString());
    }

    private static Task<(int Status, string Body)> CurlAsync(RunningController controller, string path, params string[] arguments)
    {
        var admin = Path.Combine(controller.Options.State, "pki/admin");
        string[] json = arguments.Contains("-H") || !arguments.Contains("-d") ? [] : ["-H", "Content-Type: application/json"];
        return RunAsync(["--cacert", $"{admin}/ca.crt", "--cert", $"{admin}/admin.crt", "--key", $"{admin}/admin.key", .. json, .. arguments, controller.Https + path]);
    }

    private static async Task<(int Status, string Body)> RunAsync(params string[] arguments)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/curl"), "curl is not installed");
        using var process = Process.Start(new ProcessStartInfo("/usr/bin/curl", ["--silent", "--show-error", "--write-out", "\n%{http_code}", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(Ct), process.StandardError.ReadToEndAsync(Ct));
        await process.WaitForExitAsync(Ct).WaitAsync(RunningController.Deadline, Ct);
        var lines = await output;
        var end = lines.LastIndexOf('\n');
        Assert.True(end >= 0 && int.TryParse(lines[(end + 1)..], out _), $"curl said {lines} {await errors}");
        return (int.Parse(lines[(end + 1)..], System.Globalization.CultureInfo.InvariantCulture), lines[..end]);
    }
}

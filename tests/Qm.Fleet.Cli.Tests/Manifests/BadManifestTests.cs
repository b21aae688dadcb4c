using Qm.Fleet.Cli.Manifests;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Manifests;

/// <summary>What apply says of input that is wrong: every problem with its line, nothing stored, exit code 2.</summary>
[Trait("Requirement", "QMF-CLI-001")]
public sealed class BadManifestTests : CliTest
{
    private const string Head = "apiVersion: qm.fleet/v1\nkind: Fleet\nmetadata:\n  name: cockpit\nspec:\n  selector: zone=cockpit\n";

    public static TheoryData<string, string, string> Cases { get; } = new()
    {
        { "empty", "", "x.yaml: empty, expected at least one document; nothing was stored" },
        { "comments only", "# nothing yet\n---\n---\n", "x.yaml: empty, expected at least one document; nothing was stored" },
        { "no apiVersion", "kind: Node\nmetadata: {name: a}\n", "x.yaml: 1 problem, nothing was stored\n  line 1  apiVersion: is required; expected qm.fleet/v1" },
        { "other apiVersion", "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n", "x.yaml: 1 problem, nothing was stored\n  line 1  apiVersion: \"v1\" is not known; expected qm.fleet/v1" },
        { "no kind", "\napiVersion: qm.fleet/v1\nmetadata: {name: a}\n", "x.yaml: 1 problem, nothing was stored\n  line 2  kind: is required; expected Fleet or Node" },
        { "other kind", "apiVersion: qm.fleet/v1\nkind: Pod\n", "x.yaml: 1 problem, nothing was stored\n  line 2  kind: \"Pod\" is not known; expected Fleet or Node" },
        { "no metadata", "apiVersion: qm.fleet/v1\nkind: Node\n", "x.yaml: 1 problem, nothing was stored\n  line 1  metadata.name: a name is required" },
        { "no name", "apiVersion: qm.fleet/v1\nkind: Node\nmetadata:\n  labels: {a: b}\n", "x.yaml: 1 problem, nothing was stored\n  line 3  metadata.name: a name is required" },
        { "list", "- a\n- b\n", "x.yaml: 1 problem, nothing was stored\n  line 1  expected a resource: apiVersion, kind, metadata and spec" },
        { "unknown root", Head + "specs: {}\n", "x.yaml: 1 problem, nothing was stored\n  line 7  specs: no such field; did you mean spec? known are apiVersion, kind, metadata, spec" },
        { "unknown far off", Head + "  zzz: {}\n", "x.yaml: 1 problem, nothing was stored\n  line 7  spec.zzz: no such field; known are selector, environment, rollout, onDelete, revisionHistoryLimit, supervision, asilReserve" },
        { "field of an empty message", Head + "  environment:\n    rootfs: {preinstalled: {path: /}}\n", "x.yaml: 1 problem, nothing was stored\n  line 8  spec.environment.rootfs.preinstalled.path: no such field; it has none" },
        { "status", Head + "status:\n  ready: 3\n", "x.yaml: 1 problem, nothing was stored\n  line 7  status: is set by the server; leave it out" },
        { "server's metadata", "apiVersion: qm.fleet/v1\nkind: Node\nmetadata:\n  name: a\n  uid: b\n  generation: 3\n  createdAt: now\n", """
            x.yaml: 3 problems, nothing was stored
              line 5  metadata.uid: is set by the server; leave it out
              line 6  metadata.generation: is set by the server; leave it out
              line 7  metadata.createdAt: is set by the server; leave it out
            """ },
        { "not a number", Head + "  environment:\n    oom:\n      qm: high\n      nested: 7.5\n      asil: {brake.service: 99999999999}\n", """
            x.yaml: 3 problems, nothing was stored
              line 9  spec.environment.oom.qm: "high" is not a whole number from -2147483648 to 2147483647
              line 10  spec.environment.oom.nested: "7.5" is not a whole number from -2147483648 to 2147483647
              line 11  spec.environment.oom.asil[brake.service]: "99999999999" is not a whole number from -2147483648 to 2147483647
            """ },
        { "not a truth value", "apiVersion: qm.fleet/v1\nkind: Node\nmetadata: {name: a}\nspec:\n  cordoned: yes\n", "x.yaml: 1 problem, nothing was stored\n  line 5  spec.cordoned: \"yes\" is not true or false" },
        { "shapes", Head + "  environment:\n    resources: [CPUWeight]\n    workloads: {name: radio}\n    bluechi: {qm: 5}\n    oom: 500\n", """
            x.yaml: 4 problems, nothing was stored
              line 8  spec.environment.resources: expected fields below it, indented; known are CPUWeight, CPUQuota, AllowedCPUs, MemoryMin, MemoryLow, MemoryHigh, MemoryMax, MemorySwapMax, IOWeight, TasksMax, IOReadBandwidthMax, IOWriteBandwidthMax, IOReadIOPSMax, IOWriteIOPSMax, ManagedOOMSwap, ManagedOOMMemoryPressure, ManagedOOMMemoryPressureLimit, ManagedOOMPreference
              line 9  spec.environment.workloads: expected a list, each item after '- '
              line 10  spec.environment.bluechi.qm: expected names with values below it, indented
              line 11  spec.environment.oom: expected fields below it, indented; known are qm, nested, asil
            """ },
        { "quadlet shapes", Head + "  environment:\n    workloads:\n      - name: radio\n        quadlet:\n          Container: localhost/radio\n          Service: {Restart: {a: b}}\n          Unit: {After: [x, [y]]}\n      - name: tuner\n        quadlet: none\n", """
            x.yaml: 4 problems, nothing was stored
              line 11  spec.environment.workloads[0].quadlet.Container: expected keys below the section, indented
              line 12  spec.environment.workloads[0].quadlet.Service.Restart: expected a text, or a list of texts
              line 13  spec.environment.workloads[0].quadlet.Unit.After[1]: expected a text
              line 15  spec.environment.workloads[1].quadlet: expected sections such as Container, with keys below them, indented
            """ },
        { "probes", Head + "  environment:\n    workloads:\n      - name: radio\n        livenessProbe: {tcpSocket: {port: 80}, exec: {command: [a]}, periodSeconds: 1ns, retries: 3}\n      - name: tuner\n        livenessProbe: {exec: {command: /bin/check -x}, timeoutSeconds: 0.000000001}\n", """
            x.yaml: 5 problems, nothing was stored
              line 10  spec.environment.workloads[0].livenessProbe.exec: only one of tcpSocket and exec can be given
              line 10  spec.environment.workloads[0].livenessProbe.periodSeconds: "1ns" is not a whole number from -2147483648 to 2147483647
              line 10  spec.environment.workloads[0].livenessProbe.retries: no such field; known are exec, tcpSocket, unixSocket, heartbeatFile, initialDelaySeconds, periodSeconds, timeoutSeconds, successThreshold, failureThreshold
              line 12  spec.environment.workloads[1].livenessProbe.exec.command: expected a list, each item after '- '
              line 12  spec.environment.workloads[1].livenessProbe.timeoutSeconds: "0.000000001" is not a whole number from -2147483648 to 2147483647
            """ },
        { "duplicate key", Head + "  selector: zone=rear\n", "x.yaml: 1 problem, nothing was stored\n  line 7  spec.selector: stands twice, first on line 6" },
        { "twin", Head + "---\n" + Head, "x.yaml: 1 problem, nothing was stored\n  document 2, line 11  metadata.name: Fleet \"cockpit\" stands twice, first on line 4" },
        { "anchor and alias", Head + "  environment:\n    resources: &limits {CPUWeight: idle}\n    bluechi: {qm: *limits}\n", """
            x.yaml: 2 problems, nothing was stored
              line 8  spec.environment.resources: &limits: anchors are not allowed; write the value out where it is needed
              line 9  spec.environment.bluechi.qm: *limits: aliases are not allowed; write the value out
            """ },
        { "merge key", Head + "  environment:\n    resources:\n      <<: {CPUWeight: idle}\n", "x.yaml: 1 problem, nothing was stored\n  line 9  spec.environment.resources: merge keys (<<) are not allowed; write the values out" },
        { "tag", Head + "  environment: !!python/object {}\n", "x.yaml: 1 problem, nothing was stored\n  line 7  spec.environment: tag:yaml.org,2002:python/object: tags are not allowed; write the plain value" },
        { "key that is no text", Head + "  ? [a]\n  : b\n", "x.yaml: 1 problem, nothing was stored\n  line 7  spec: a key must be text" },
        { "too deep", "a: " + new string('[', 40) + new string(']', 40), "x.yaml: 1 problem, nothing was stored\n  line 1  nested deeper than 32 levels" },
        { "tab", Head + "\tenvironment: {}\n", "x.yaml: 1 problem, nothing was stored\n  line 7  not YAML: a tab in the indentation; YAML wants spaces" },
        { "tab in a mapping", Head + "  environment:\n\tresources: {}\n", "x.yaml: 1 problem, nothing was stored\n  line 8  not YAML: a tab in the indentation; YAML wants spaces" },
        { "syntax", Head + "  environment: a: b\n", "x.yaml: 1 problem, nothing was stored\n  line 7  not YAML: While scanning a plain scalar value, found invalid mapping" },
        { "bracket that is not closed", "a: [1, 2\nb: 3\n", "x.yaml: 1 problem, nothing was stored\n  line 1  not YAML: cannot be read from about here on; is every [, { and quote closed?" },
        { "NUL", Head + "  \0", "x.yaml: 1 problem, nothing was stored\n  line 7  not text: holds a NUL byte" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Apply_BadFile_TellsEveryProblemWithItsLine(string _, string content, string expected)
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", Write("x.yaml", content)));

        Assert.Equal(expected.ReplaceLineEndings("\n") + "\n", Errors);
        Assert.Equal("", Out.ToString());
        Assert.All(Server.Fleets.Applies, apply => Assert.True(apply.DryRun));
        Assert.All(Server.Nodes.Applies, apply => Assert.True(apply.DryRun));
    }

    [Fact]
    public async Task Apply_SyntaxErrorInTheSecondDocument_TellsOfTheFirstOneToo()
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", Write("x.yaml", Head + "  selectr: a\n---\na: @\n")));

        Assert.Equal("""
            x.yaml: 2 problems, nothing was stored
              document 1, line 7  spec.selectr: no such field; did you mean selector? known are selector, environment, rollout, onDelete, revisionHistoryLimit, supervision, asilReserve
              document 2, line 9  not YAML: While scanning for the next token, found character that cannot start any token

            """, Errors);
    }

    [Fact]
    public async Task Apply_TheSameNameInTwoFiles_IsToldInTheSecond()
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", Write("a.yaml", Head), "-f", Write("b.yaml", "\n" + Head)));

        Assert.Equal("b.yaml: 1 problem, nothing was stored\n  line 5  metadata.name: Fleet \"cockpit\" stands twice, first in a.yaml, on line 4\n", Errors);
        Assert.Single(Server.Fleets.Applies.Single().Fleets);
    }

    [Fact]
    public async Task Apply_BytesThatAreNotUtf8_AreRefusedWithTheirLine()
    {
        var path = Write("x.yaml", "");
        await File.WriteAllBytesAsync(path, [.. "a: b\nc: "u8, 0xFF, 0xFE, (byte)'\n'], TestContext.Current.CancellationToken);

        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", path));

        Assert.Equal("x.yaml: 1 problem, nothing was stored\n  line 2  not text in UTF-8\n", Errors);
    }

    [Fact]
    public async Task Apply_TenMegabytes_AreRefusedWithoutBeingRead()
    {
        using var endless = new EndlessStream();

        Assert.Equal(ExitCode.Invalid, await RunAsync(Context(endless), "apply", "-f", "-"));

        Assert.Equal("standard input: larger than 1 MiB, the most that is read; split it; nothing was stored\n", Errors);
        Assert.Equal(ManifestFile.MaxBytes + 1, endless.Read);
    }

    [Fact]
    public async Task Apply_ThousandsOfProblems_AreCountedAndTheFirstAreTold()
    {
        var unknown = string.Concat(Enumerable.Range(0, 5000).Select(index => $"  k{index}: 1\n"));

        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", Write("x.yaml", Head + unknown)));

        var lines = Errors.TrimEnd().Split('\n');
        Assert.Equal("x.yaml: 5000 problems, nothing was stored", lines[0]);
        Assert.Equal("  and 4900 more", lines[^1]);
        Assert.Equal(ProblemReport.MaxShown + 2, lines.Length);
    }

    [Fact]
    public async Task Apply_EmptyDirectory_IsRefused()
    {
        Directory.CreateDirectory(Files + "none");

        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", Files + "none"));

        Assert.Equal("none: no .yaml, .yml or .json file in this directory; nothing was stored\n", Errors);
    }

    private sealed class EndlessStream : MemoryStream
    {
        public new long Read { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = Math.Min(buffer.Length, 4096);
            buffer.Span[..count].Fill((byte)'#');
            Read += count;
            return ValueTask.FromResult(count);
        }
    }
}

using Qm.Fleet.Cli.Tests.Server;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

public sealed class ApplyTests : CliTest
{
    private const string Fleet = """
        apiVersion: qm.fleet/v1
        kind: Fleet
        metadata:
          name: cockpit
        spec:
          selector: zone=cockpit
        """;

    private const string Node = """
        apiVersion: qm.fleet/v1
        kind: Node
        metadata:
          name: ecu1
        """;

    [Fact]
    public async Task Apply_GoodManifests_ChecksBothThenStoresNodesThenFleets()
    {
        Assert.Equal(ExitCode.Done, await RunAsync("apply", "-f", Write("all.yaml", $"{Fleet}\n---\n{Node}\n"), "--no-wait"));

        Assert.Equal("node/ecu1 configured\nfleet/cockpit created  revision 9f3a61c2  rollout cockpit/1\n", Out.ToString());
        Assert.Equal("", Error.ToString());
        Assert.Equal([true, false], Server.Nodes.Applies.Select(apply => apply.DryRun));
        Assert.Equal([true, false], Server.Fleets.Applies.Select(apply => apply.DryRun));
        Assert.Equal("zone=cockpit", Server.Fleets.Applies[1].Fleets.Single().Spec.Selector);
    }

    [Fact]
    public async Task Apply_DryRun_StoresNothingAndSaysSo()
    {
        Assert.Equal(ExitCode.Done, await RunAsync("apply", "--dry-run", "-f", Write("all.yaml", $"{Fleet}\n---\n{Node}\n")));

        Assert.Equal(
            "node/ecu1 configured  (dry run)\nfleet/cockpit created  revision 9f3a61c2  rollout cockpit/1  (dry run)\nFleet cockpit  new -> 9f3a61c2    3 nodes match, 0 change\nBatches   maxUnavailable 1, soak 0 s\nEnds      not as things are: \n",
            Out.ToString());
        Assert.Equal("ecu1", Assert.Single(Server.Fleets.Plans).Nodes.Single().Metadata.Name);
        Assert.All(Server.Nodes.Applies, apply => Assert.True(apply.DryRun));
        Assert.All(Server.Fleets.Applies, apply => Assert.True(apply.DryRun));
        Assert.Equal(0, Server.Fleets.Watches);
    }

    [Fact]
    [Trait("Requirement", "QMF-PLAN-004")]
    public async Task Apply_RiskyFleet_IsToldOnStderrAndApplied()
    {
        Server.Fleets.Answer = fleet =>
        {
            var applied = FakeFleets.Applied(fleet.Metadata.Name, ApplyResult.Created, "9f3a61c2", 1);
            applied.Findings.Add(new Finding { Rule = "QMF-W001", Severity = Finding.Types.Severity.Warning, Message = "MemoryMax is not set", Nodes = { "ecu1", "ecu2" } });
            return applied;
        };

        Assert.Equal(ExitCode.Done, await RunAsync("apply", "-f", Write("fleet.yaml", Fleet), "--no-wait"));

        Assert.Equal("fleet/cockpit created  revision 9f3a61c2  rollout cockpit/1\n", Out.ToString());
        Assert.Equal("Warning: QMF-W001 MemoryMax is not set: ecu1, ecu2\n", Error.ToString());
    }

    [Fact]
    public async Task Apply_DirectoryAndStandardInput_AreOneSubmission()
    {
        Write("fleets/b.yml", Fleet);
        Write("fleets/a.json", """{"apiVersion": "qm.fleet/v1", "kind": "Fleet", "metadata": {"name": "cluster"}, "spec": {"selector": "zone=cluster"}}""");
        Write("fleets/README.md", "not a manifest");
        using var input = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(Node));

        Assert.Equal(ExitCode.Done, await RunAsync(Context(input), "apply", "-f", Files + "fleets", "-f", "-", "--no-wait"));

        Assert.Equal(["cluster", "cockpit"], Server.Fleets.Applies[1].Fleets.Select(fleet => fleet.Metadata.Name));
        Assert.Equal("ecu1", Server.Nodes.Applies[1].Nodes.Single().Metadata.Name);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-001")]
    public async Task Apply_ProblemsHereAndAtTheServer_AreToldTogetherByLineAndNothingIsStored()
    {
        Server.Fleets.Violations = _ =>
        [
            ("fleets[0].spec.environment.oom.nested", "450 is below oom.qm (500); nested containers must be killed before QM (QMF-R005)"),
            ("fleets[0].spec.environment.resources.MemoryMax", "\"3Q\" is not a size; expected bytes, K, M, G, T, % or infinity"),
        ];
        var path = Write("cockpit.yaml", $$"""
            {{Fleet}}
              environment:
                resources:
                  MemoryHihg: 2G
                  MemoryMax: 3Q
                oom:
                  qm: 500
                  nested: 450
            """);

        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", path));

        Assert.Equal("", Out.ToString());
        Assert.Equal("""
            cockpit.yaml: 3 problems, nothing was stored
              line 9  spec.environment.resources.MemoryHihg: no such field; did you mean MemoryHigh? known are CPUWeight, CPUQuota, AllowedCPUs, MemoryMin, MemoryLow, MemoryHigh, MemoryMax, MemorySwapMax, IOWeight, TasksMax, IOReadBandwidthMax, IOWriteBandwidthMax, IOReadIOPSMax, IOWriteIOPSMax, ManagedOOMSwap, ManagedOOMMemoryPressure, ManagedOOMMemoryPressureLimit, ManagedOOMPreference
              line 10  spec.environment.resources.MemoryMax: "3Q" is not a size; expected bytes, K, M, G, T, % or infinity
              line 13  spec.environment.oom.nested: 450 is below oom.qm (500); nested containers must be killed before QM (QMF-R005)

            """, Errors);
        Assert.All(Server.Fleets.Applies, apply => Assert.True(apply.DryRun));
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-001")]
    public async Task Apply_ServerObjectsToNodesAndFleetsOfTwoFiles_EachFileIsToldItsOwn()
    {
        Server.Nodes.Violations = request => [($"nodes[{request.Nodes.Count - 1}].metadata.labels[Zone]", "a label's name is lower case")];
        Server.Fleets.Violations = _ => [("fleets[0].spec.selector", "unknown operator")];
        var nodes = Write("nodes.yaml", $"{Node}\n---\n{Node.Replace("ecu1", "ecu2", StringComparison.Ordinal)}\n  labels:\n    Zone: cockpit\n");

        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", nodes, "-f", Write("fleet.yaml", Fleet)));

        Assert.Equal("""
            nodes.yaml: 1 problem, nothing was stored
              document 2, line 11  metadata.labels[Zone]: a label's name is lower case
            fleet.yaml: 1 problem, nothing was stored
              line 6  spec.selector: unknown operator

            """, Errors);
        Assert.All(Server.Nodes.Applies, apply => Assert.True(apply.DryRun));
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-001")]
    public async Task Apply_FieldAlreadyRefusedHere_IsNotRefusedAgainByTheServer()
    {
        Server.Fleets.Violations = request => request.Fleets[0].Spec.Selector.Length == 0 ? [("fleets[0].spec.selector", "is required")] : [];

        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", Write("x.yaml", Fleet.Replace("zone=cockpit", "[a, b]", StringComparison.Ordinal))));

        Assert.Equal("x.yaml: 1 problem, nothing was stored\n  line 6  spec.selector: expected a single value\n", Errors);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-001")]
    public async Task Apply_BadFileAndNoServer_TellsOfTheFileAndThatThereMayBeMore()
    {
        Environment["QMFLEET_SERVER"] = $"unix:{Files}nothing-here";

        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", Write("x.yaml", Fleet + "\n  selectr: a=b\n")));

        Assert.Equal("""
            The server could not check, so there may be more: unix:nothing-here cannot be reached: there is no socket nothing-here
            x.yaml: 1 problem, nothing was stored
              line 7  spec.selectr: no such field; did you mean selector? known are selector, environment, rollout, onDelete, revisionHistoryLimit, supervision, asilReserve

            """, Errors);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-001")]
    public async Task Apply_OneFileOfManyBad_NothingOfAnyIsStored()
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync("apply", "-f", Write("good.yaml", Node), "-f", Files + "missing.yaml", "-f", Write("empty.yaml", "# later\n")));

        Assert.Equal("missing.yaml: no such file or directory; nothing was stored\nempty.yaml: empty, expected at least one document; nothing was stored\n", Errors);
        Assert.All(Server.Nodes.Applies, apply => Assert.True(apply.DryRun));
    }

    [Fact]
    public async Task Apply_Unchanged_SaysSoWithoutWaiting()
    {
        Server.Fleets.Answer = fleet => FakeFleets.Applied(fleet.Metadata.Name, ApplyResult.Unchanged, "9f3a61c2", null);

        Assert.Equal(ExitCode.Done, await RunAsync("apply", "-f", Write("x.yaml", Fleet)));

        Assert.Equal("fleet/cockpit unchanged\n", Out.ToString());
        Assert.Equal("", Error.ToString());
        Assert.Equal(0, Server.Fleets.Watches);
    }
}

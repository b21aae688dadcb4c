using System.Text.Json;
using Qm.Fleet.V1;
using Xunit;
using static Qm.Fleet.V1.EffectiveAssignment.Types;
using static Qm.Fleet.V1.EffectiveSetting.Types;

namespace Qm.Fleet.Cli.Tests.Verbs;

public sealed class EffectiveTests : CliTest
{
    private const string Vendor = "/usr/share/containers/systemd/qm.container";
    private const string Owned = "/etc/containers/systemd/qm.container.d/50-qm-fleet.conf";
    private const string Generated = "/run/systemd/generator/qm.service";

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Effective_OneKey_IsTheChainTheStrongestFirst()
    {
        Fill();

        Assert.Equal(ExitCode.Done, await RunAsync("effective", "ecu9", "MemoryHigh"));
        Assert.Equal("""
            MemoryHigh   kernel 1610612736   systemd 1610612736   wanted 1536M
              1610612736   /run/systemd/system.control/qm.service.d/50-MemoryHigh.conf   live, through BlueChi or set-property
              1536M        /etc/containers/systemd/qm.container.d/50-qm-fleet.conf       fleet cockpit, revision 41d07be9
              infinity     /usr/share/containers/systemd/qm.container                    vendor

            """.ReplaceLineEndings("\n"), Out.ToString());
        Assert.Empty(Errors);
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    public async Task Effective_List_SaysWhatWasReset()
    {
        Fill();
        await RunAsync("effective", "ecu9", "DropCapability");

        Assert.Equal("""
            DropCapability   [Container]   wanted -
              sys_boot                /etc/containers/systemd/qm.container.d/60-hand.conf   drop-in
              (empty)                 /etc/containers/systemd/qm.container.d/60-hand.conf   drop-in, resets
              sys_boot sys_resource   /usr/share/containers/systemd/qm.container            vendor, SecurityLabelNested= taken out by QM's setup, was reset

            """.ReplaceLineEndings("\n"), Out.ToString());
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    public async Task Effective_KeyOfBothAgents_IsToldForEach()
    {
        Fill();
        await RunAsync("effective", "ecu9", "NodeName");

        Assert.Equal("""
            NodeName   bluechi-agent   wanted -
              ecu9   /etc/bluechi/agent.conf   main file
            NodeName   qm/bluechi-agent   wanted qm.ecu9
              qm.ecu9   /etc/qm/bluechi/agent.conf.d/zz-qm-fleet.conf   fleet cockpit, revision 41d07be9

            """.ReplaceLineEndings("\n"), Out.ToString());
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    public async Task Effective_LimitThatNoFileSets_SaysSo()
    {
        Server.Diagnostics.Effective.Settings.Add(new EffectiveSetting { Subject = Subject.Unit, Section = "Service", Key = "MemoryLow", Kernel = "0", Systemd = "0" });
        await RunAsync("effective", "ecu9", "MemoryLow");

        Assert.Equal("MemoryLow   kernel 0   systemd 0   wanted -\n  no file sets it\n", Out.ToString());
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    [Trait("Requirement", "QMF-EFFECT-002")]
    public async Task Effective_NoKey_IsALineForEachAndTheProblemsBeside()
    {
        Fill();
        Server.Diagnostics.Effective.Problems.Add("What systemd says is unknown: BlueChi\u001b[2J is away.");
        await RunAsync("effective", "ecu9");

        Assert.Equal("""
            OF                SECTION        KEY             VALUE                                             LAYER                                  FILE
            qm.service        Service        MemoryHigh      1610612736                                        live, through BlueChi or set-property  /run/systemd/system.control/qm.service.d/50-MemoryHigh.conf
            qm.service        Container      DropCapability  sys_boot                                          drop-in                                /etc/containers/systemd/qm.container.d/60-hand.conf
            qm.service        Service        ExecStart       /usr/bin/podman run --name qm --cidfile=%t/%N.c…  quadlet generator                      /run/systemd/generator/qm.service
            bluechi-agent     bluechi-agent  NodeName        ecu9                                              main file                              /etc/bluechi/agent.conf
            qm/bluechi-agent  bluechi-agent  NodeName        qm.ecu9                                           fleet cockpit, revision 41d07be9       /etc/qm/bluechi/agent.conf.d/zz-qm-fleet.conf

            """.ReplaceLineEndings("\n"), Out.ToString());
        Assert.Equal("What systemd says is unknown: BlueChi?[2J is away.\n", Errors);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Effective_Json_IsTheApis()
    {
        Fill();
        await RunAsync("effective", "ecu9", "MemoryHigh", "-o", "json");
        var answer = JsonDocument.Parse(Out.ToString()).RootElement;
        var setting = answer.GetProperty("settings")[0];

        Assert.Equal(("ecu9", 1), (answer.GetProperty("node").GetString(), answer.GetProperty("settings").GetArrayLength()));
        Assert.Equal(("MemoryHigh", "1536M"), (setting.GetProperty("key").GetString(), setting.GetProperty("wanted").GetString()));
        Assert.Equal("RUNTIME_CONTROL", setting.GetProperty("assignments")[0].GetProperty("layer").GetString());
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Effective_KeyThatIsNowhere_IsNotFound()
    {
        Assert.Equal(ExitCode.NotFound, await RunAsync("effective", "ecu9", "MemoryHihg"));
        Assert.Empty(Out.ToString());
        Assert.Equal("MemoryHihg: no file of ecu9 that is looked at sets it; qmfleet effective ecu9 lists what they set\n", Errors);
    }

    private void Fill() => Server.Diagnostics.Effective.Settings.AddRange(
    [
        Setting(Subject.Unit, "Service", "MemoryHigh", "1610612736",
            ("1610612736", Layer.RuntimeControl, "/run/systemd/system.control/qm.service.d/50-MemoryHigh.conf", "", true),
            ("1536M", Layer.Fleet, Owned, "fleet cockpit, revision 41d07be9", false), ("infinity", Layer.Vendor, Vendor, "", false)),
        Setting(Subject.Unit, "Container", "DropCapability", "sys_boot",
            ("sys_boot", Layer.DropIn, "/etc/containers/systemd/qm.container.d/60-hand.conf", "", true),
            ("", Layer.DropIn, "/etc/containers/systemd/qm.container.d/60-hand.conf", "", false),
            ("sys_boot sys_resource", Layer.Vendor, Vendor, "SecurityLabelNested= taken out by QM's setup", false)),
        Setting(Subject.Unit, "Service", "ExecStart", "/usr/bin/podman run --name qm --cidfile=%t/%N.cid --replace",
            ("/usr/bin/podman run --name qm --cidfile=%t/%N.cid --replace", Layer.Generator, Generated, "", true)),
        Setting(Subject.HostAgent, "bluechi-agent", "NodeName", "ecu9", ("ecu9", Layer.Main, "/etc/bluechi/agent.conf", "", true)),
        Setting(Subject.QmAgent, "bluechi-agent", "NodeName", "qm.ecu9", ("qm.ecu9", Layer.Fleet, "/etc/qm/bluechi/agent.conf.d/zz-qm-fleet.conf", "fleet cockpit, revision 41d07be9", true)),
    ]);

    private static EffectiveSetting Setting(
        Subject subject, string section, string key, string value, params (string Value, Layer Layer, string File, string Note, bool Counts)[] assignments) => new()
        {
            Subject = subject,
            Section = section,
            Key = key,
            List = key is "DropCapability" or "ExecStart",
            Value = value,
            Kernel = key == "MemoryHigh" ? value : "",
            Systemd = key == "MemoryHigh" ? value : "",
            Wanted = key switch { "MemoryHigh" => "1536M", "NodeName" when subject == Subject.QmAgent => "qm.ecu9", _ => "" },
            Assignments =
            {
                assignments.Select(one => new EffectiveAssignment { Value = one.Value, Layer = one.Layer, File = one.File, Line = 2, Note = one.Note, Counts = one.Counts }),
            },
        };
}

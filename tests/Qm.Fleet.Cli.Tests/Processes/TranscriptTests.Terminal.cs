using System.Text;
using Qm.Fleet.Cli.Tests.Server;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Processes;

/// <summary>The same on a terminal of 100 columns. What waits moves there: LiveDisplayTests looks at that, so that here nothing is waited for.</summary>
public sealed partial class TranscriptTests
{
    private static readonly Dictionary<string, string[]> TerminalLines = new()
    {
        ["apply"] = ["qmfleet apply -f cockpit.yaml --no-wait", "qmfleet apply -f cockpit.yaml --dry-run", "qmfleet apply -f bad.yaml"],
        ["create"] = ["qmfleet create -f rear.yaml --no-wait"],
        ["edit"] = ["EDITOR=true qmfleet edit fleet cockpit"],
        ["get"] =
        [
            "qmfleet get nodes", "qmfleet get nodes -o wide", "qmfleet get node ecu1 -o json", "qmfleet get fleets", "qmfleet get rollouts", "qmfleet get operations", "qmfleet get events",
            "qmfleet get enrollments", "qmfleet get node ecu9",
        ],
        ["wait"] = ["qmfleet wait node/ecu1", "qmfleet wait fleet/gone --for delete"],
        ["describe"] = ["qmfleet describe node ecu2", "qmfleet describe fleet/cockpit"],
        ["plan"] = ["qmfleet plan -f cockpit.yaml"],
        ["diff"] = ["qmfleet diff cockpit"],
        ["label"] = ["qmfleet label node ecu1 vehicle=v4", "qmfleet label node ecu1 vehicle=v5"],
        ["rollout"] =
        [
            "qmfleet rollout status cockpit --no-wait", "qmfleet rollout history cockpit", "qmfleet rollout why cockpit", "qmfleet rollout pause cockpit", "qmfleet rollout resume cockpit",
            "qmfleet rollout retry cockpit", "qmfleet rollout undo cockpit --no-wait", "qmfleet rollout abort cockpit",
        ],
        ["cancel"] = ["qmfleet cancel operation/cockpit/7 --no-wait"],
        ["node"] =
        [
            "qmfleet node cordon ecu1 ecu2", "qmfleet node uncordon ecu1", "qmfleet node quarantine ecu2", "qmfleet node release ecu2", "qmfleet node retire ecu2 --reason 'sold with the car'", "qmfleet node retire ecu1 --reason 'goes back to the pool' --remove --no-wait",
            "qmfleet node reenroll ecu2", "qmfleet node restart-qm ecu2 --no-wait", "qmfleet node set-property ecu2 qm.service MemoryHigh=1G --no-wait",
        ],
        ["units"] = ["qmfleet units ecu2"],
        ["start"] = ["qmfleet start ecu2 radio.service --no-wait"],
        ["stop"] = ["qmfleet stop ecu2 radio.service --no-wait"],
        ["restart"] = ["qmfleet restart ecu2 radio.service --no-wait", "qmfleet restart ecu2"],
        ["freeze"] = ["qmfleet freeze ecu2 maps.service --no-wait"],
        ["thaw"] = ["qmfleet thaw ecu2 maps.service --no-wait"],
        ["logs"] = ["qmfleet logs ecu2"],
        ["events"] = ["qmfleet events"],
        ["audit"] = ["qmfleet audit export", "qmfleet audit verify"],
        ["checks"] = ["qmfleet checks ecu2"],
        ["effective"] = ["qmfleet effective ecu2"],
        ["top"] = ["qmfleet top --once"],
        ["bundle"] = ["qmfleet bundle ecu2 -f ecu2.tar.gz"],
        ["artifact"] = ["qmfleet artifact list", "printf archive > qm.tar.zst; qmfleet artifact push qm.tar.zst", "qmfleet artifact delete $(sha256sum qm.tar.zst | cut -c1-64)"],
        ["auth"] =
        [
            "qmfleet auth whoami", "qmfleet auth can-i restart units", "qmfleet auth token create nightly --role operator", "qmfleet auth token list", "qmfleet auth token revoke ci",
            "qmfleet auth role apply -f role.yaml", "qmfleet auth role list", "qmfleet auth role get operator", "qmfleet auth role delete radio-keeper",
            "qmfleet auth binding apply ci-radio --subject token:ci --role operator --node ecu1", "qmfleet auth binding list", "qmfleet auth binding delete ci-radio",
            "qmfleet auth host-units allow heater.service --reason 'bench 4 has no ignition' -l bench=4", "qmfleet auth host-units list", "qmfleet auth host-units remove heater.service",
        ],
        ["pki"] =
        [
            "qmfleet pki show", "qmfleet pki export", "qmfleet pki rotate server", "qmfleet pki rotate admin", "qmfleet pki rotate ca", "qmfleet pki import --chain ca.crt --key ca.key --dry-run",
            "qmfleet pki issue ann --role operator --out ann", "qmfleet pki revoke operator:ann --reason 'left the company'", "qmfleet pki revocations",
        ],
        ["enrollments"] = ["qmfleet enrollments list", "qmfleet enrollments approve ecu4", "qmfleet enrollments deny ecu5 --fingerprint bbbbbbbb --reason 'not ours'"],
        ["join-token"] = ["qmfleet join-token create bench --node 'ecu*' --uses 5", "qmfleet join-token list", "qmfleet join-token revoke bench"],
        ["delete"] = ["qmfleet delete node ecu1"],
        ["explain"] = ["qmfleet explain fleet.spec.rollout.soak"],
        ["config"] =
        [
            "qmfleet config set-context bench --server https://bench:8420 --pki pki", "qmfleet config set-context here --server unix:server.sock", "qmfleet config use-context here",
            "qmfleet config current-context", "qmfleet config get-contexts", "qmfleet config view", "qmfleet config delete-context bench",
        ],
        ["completion"] = ["qmfleet completion fish"],
        ["lab"] = ["qmfleet lab faults --lab lab", "qmfleet lab clear --lab lab", .. Faults.Select(static fault => $"qmfleet lab fault {fault} --lab lab")],
        ["version"] = ["qmfleet version"],
        ["unreachable"] = ["qmfleet get nodes --server unix:nobody.sock"],
    };

    public static TheoryData<string> VerbsOnATerminal => [.. TerminalLines.Keys];

    [Theory]
    [MemberData(nameof(VerbsOnATerminal))]
    public async Task OnATerminal_Verb_ShowsWhatItsTranscriptSays(string verb)
    {
        await using var lab = await FakeLab.StartAsync();
        var shell = Prepare(lab);
        var transcript = new StringBuilder();
        foreach (var line in TerminalLines[verb])
        {
            var (screen, end) = await shell.TerminalAsync(line);
            transcript.Append(Shown(line)).Append(screen).Append(end == 0 ? "\n" : FormattableString.Invariant($"exit {end}\n\n"));
        }

        GoldenFile.Check($"tests/Qm.Fleet.Cli.Tests/Transcripts/terminal/{verb}.txt", transcript.ToString());
    }
}

using System.Text;
using Qm.Fleet.Cli.Tests.Server;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Processes;

/// <summary>
/// Each verb as people and scripts run it, a program of its own against a server, and what it shows: on a terminal and in a pipe, for people and as JSON.
/// The transcripts stand in Transcripts/.
/// </summary>
[Trait("Requirement", "QMF-CLI-006")]
public sealed partial class TranscriptTests : CliTest
{
    private const string Manifest = """
        apiVersion: qm.fleet/v1
        kind: Fleet
        metadata: {name: cockpit}
        spec: {selector: zone=cockpit}
        """;

    /// <summary>Each fault of the lab, where it is on.</summary>
    private static readonly string[] Faults =
    [
        "ecu2 freeze", "ecu2 thaw", "ecu2 cut --data-in-flight", "ecu2 cut-cable", "ecu2 flap --every 5s", "qm.ecu2 heal", "ecu2 delay 300ms", "ecu2 merge-jobs", "ecu2 flood --rate 100 --for 5s",
        "ecu2 refuse AccessDenied --unit radio.service", "ecu2 slow radio.service 5s", "ecu2 fail-start radio.service 2", "ecu2 crash-qm", "ecu1,ecu2 crash-loop radio", "ecu2 kill-workload radio",
        "ecu2 fail-probe radio", "ecu2 oom nested radio", "ecu2 oom qm", "ecu2 oom host", "ecu2 kill-extension", "ecu2 fill-disk", "ecu2 oom-score radio 200", "ecu2 reboot", "bluechi restart --killed --down 10s",
    ];

    private static readonly Dictionary<string, string[]> Lines = new()
    {
        ["apply"] =
        [
            "qmfleet apply -f cockpit.yaml --no-wait", "qmfleet apply -f cockpit.yaml --no-wait -o json", "qmfleet apply -f cockpit.yaml --dry-run",
            "qmfleet apply -f bad.yaml", "cat cockpit.yaml | qmfleet apply -f - --no-wait -o name",
        ],
        ["create"] = ["qmfleet create -f rear.yaml --no-wait", "qmfleet create -f rear.yaml --no-wait -o json"],
        ["edit"] =
        [
            "EDITOR=true qmfleet edit fleet cockpit", "EDITOR='cat' qmfleet edit node/ecu1", "EDITOR='sed -i s/MemoryHigh:.*/MemoryHigh:\\ 1G/' qmfleet edit fleet cockpit --no-wait",
            "EDITOR=false qmfleet edit fleet cockpit", "qmfleet edit operation 0199",
        ],
        ["get"] =
        [
            "qmfleet get nodes", "qmfleet get nodes -o wide --no-headers", "qmfleet get node ecu1 -o json", "qmfleet get nodes -o yaml", "qmfleet get nodes -o name",
            "qmfleet get nodes -o jsonpath='{range .items[*]}{.metadata.name}{\"\\t\"}{.status.phase.phase}{\"\\n\"}{end}'",
            "qmfleet get nodes -o custom-columns=NAME:.metadata.name,READY:'.status.conditions[?(@.type==\"Ready\")].status',CANARY:.metadata.labels.canary",
            "qmfleet get nodes --sort-by .metadata.name --order desc -o name", "qmfleet get fleets", "qmfleet get fleet/cockpit -o json", "qmfleet get revisions", "qmfleet get rollouts",
            "qmfleet get rollout/cockpit/7 -o json", "qmfleet get operations -o wide", "qmfleet get operation cockpit/7 -o yaml", "qmfleet get events", "qmfleet get sites",
            "qmfleet get node ecu9", "qmfleet get trains", "qmfleet get nodes -o jsonpath='{.items['", "qmfleet get sites -l zone=cockpit",
            "qmfleet get sites -o name -v 2>&1 | sed 's/  [0-9]* ms/  3 ms/'", "qmfleet get node ecu9 -v 2>&1 | sed 's/  [0-9]* ms/  3 ms/'",
        ],
        ["wait"] =
        [
            "qmfleet wait node/ecu1", "qmfleet wait node ecu1 --for phase=Healthy", "qmfleet wait node/ecu1 --for jsonpath='{.status.fleet}'=cockpit", "qmfleet wait fleet/gone --for delete",
            "qmfleet wait node/ecu9", "qmfleet wait node/ecu1 --for noon", "qmfleet wait operation/0199 --for jsonpath='{.unit}'",
        ],
        ["describe"] = ["qmfleet describe node ecu2", "qmfleet describe fleet/cockpit", "qmfleet describe site local"],
        ["plan"] = ["qmfleet plan -f cockpit.yaml", "qmfleet plan -f cockpit.yaml -o json"],
        ["diff"] = ["qmfleet diff cockpit", "qmfleet diff cockpit -o json"],
        ["label"] =
        [
            "qmfleet label node ecu1 vehicle=v4 canary-", "qmfleet label node ecu1 vehicle=v4", "qmfleet label node ecu1 vehicle=v5", "qmfleet label nodes --all vehicle=v5 --overwrite",
            "qmfleet label node ecu2 rack=3 -o json", "qmfleet label node ecu1",
        ],
        ["rollout"] =
        [
            "qmfleet rollout status cockpit --no-wait", "qmfleet rollout status cockpit --no-wait -o json", "qmfleet rollout history cockpit", "qmfleet rollout history cockpit -o json",
            "qmfleet rollout why cockpit", "qmfleet rollout why cockpit -o json", "qmfleet rollout pause cockpit --reason 'the bench is in use'", "qmfleet rollout resume cockpit -o json",
            "qmfleet rollout abort cockpit", "qmfleet rollout retry cockpit --node ecu2", "qmfleet rollout undo cockpit --no-wait", "qmfleet rollout pause nosuch",
            "qmfleet rollout pause cockpit -o json", "qmfleet rollout retry cockpit -o json", "qmfleet rollout undo cockpit --no-wait -o json", "qmfleet rollout abort cockpit -o json",
        ],
        ["cancel"] = ["qmfleet cancel operation/0199", "qmfleet cancel operation/cockpit/7 --no-wait -o json", "qmfleet cancel node ecu1"],
        ["node"] =
        [
            "qmfleet node cordon ecu1 ecu2 --reason 'on the bench'", "qmfleet node uncordon ecu1 -o json", "qmfleet node quarantine ecu2", "qmfleet node release ecu2 --dry-run",
            "qmfleet node retire ecu2 --reason 'sold with the car'", "qmfleet node retire ecu2", "qmfleet node retire ecu1 --reason 'goes back to the pool' --remove", "qmfleet node retire ecu1 --reason 'goes back to the pool' --remove --no-wait -o json",
            "qmfleet node retire ecu1 ecu2 --reason 'goes back to the pool' --remove --dry-run", "qmfleet node reenroll ecu2 --dry-run", "qmfleet node restart-qm ecu2", "qmfleet node set-property ecu2 qm.service MemoryHigh=1G TasksMax=200 --no-wait -o json", "qmfleet node set-property ecu2 qm.service MemoryHigh",
            "qmfleet node cordon ecu2 -o json", "qmfleet node quarantine ecu2 -o json", "qmfleet node release ecu2 -o json", "qmfleet node retire ecu2 --reason sold -o json", "qmfleet node reenroll ecu2 -o json",
            "qmfleet node restart-qm ecu2 --no-wait -o json", "qmfleet node reenroll ecu2", "qmfleet node set-property ecu2 qm.service MemoryHigh=1G --no-wait",
        ],
        ["units"] = ["qmfleet units ecu2", "qmfleet units ecu2 -o json", "qmfleet units ecu2 -o jsonpath='{.items[?(@.activeState==\"failed\")].name}'"],
        ["start"] = ["qmfleet start ecu2 radio.service", "qmfleet start ecu2 radio.service --no-wait -o json", "qmfleet start ecu9 radio.service"],
        ["stop"] = ["qmfleet stop ecu2 radio.service --no-wait", "qmfleet stop ecu2 radio.service --no-wait -o json"],
        ["restart"] = ["qmfleet restart ecu2 radio.service -o json", "qmfleet restart ecu2 radio.service --no-wait -o name", "qmfleet restart ecu2"],
        ["freeze"] = ["qmfleet freeze ecu2 maps.service --dry-run", "qmfleet freeze ecu2 maps.service --no-wait -o json"],
        ["thaw"] = ["qmfleet thaw ecu2 maps.service --no-wait", "qmfleet thaw ecu2 maps.service --no-wait -o json"],
        ["logs"] = ["qmfleet logs ecu2", "qmfleet logs ecu2 --in-qm -u radio.service --tail 5 -o json", "qmfleet logs ecu2 -f -o json", "qmfleet logs ecu2 --since yesterday"],
        ["events"] = ["qmfleet events", "qmfleet events --node ecu2 -o json", "qmfleet events -o jsonpath='{.items[*].reason}'"],
        ["audit"] =
        [
            "qmfleet audit export", "qmfleet audit verify", "qmfleet audit export > audit.jsonl; qmfleet audit verify --file audit.jsonl", "sed -i s/ann/bob/ audit.jsonl; qmfleet audit verify --file audit.jsonl",
            "qmfleet audit verify --from 2",
        ],
        ["checks"] = ["qmfleet checks ecu2", "qmfleet checks ecu2 -o json"],
        ["effective"] = ["qmfleet effective ecu2", "qmfleet effective ecu2 MemoryHigh", "qmfleet effective ecu2 -o json"],
        ["top"] = ["qmfleet top", "qmfleet top node ecu2 --containers -o json", "qmfleet top fleet", "qmfleet top sites", "qmfleet top --interval 1ms"],
        ["bundle"] = ["qmfleet bundle ecu2 -f ecu2.tar.gz"],
        ["artifact"] =
        [
            "qmfleet artifact list", "qmfleet artifact list -o json", $"qmfleet artifact delete {new string('7', 64)}", "printf archive > qm.tar.zst; qmfleet artifact push qm.tar.zst", "qmfleet artifact push nosuch.tar.zst",
            "qmfleet artifact delete $(sha256sum qm.tar.zst | cut -c1-64)",
        ],
        ["auth"] =
        [
            "qmfleet auth whoami", "qmfleet auth whoami -o json", "qmfleet auth can-i restart units --node ecu1 --unit radio.service", "qmfleet auth can-i delete fleets --fleet cockpit",
            "qmfleet auth can-i delete fleets -o json", "qmfleet auth token create nightly --role operator --node 'ecu*' -l zone=cockpit", "qmfleet auth token create nightly --role operator --expires-in 2y",
            "qmfleet auth token list", "qmfleet auth token list -o wide --no-headers | grep -v nightly", "qmfleet auth token revoke ci", "qmfleet auth token revoke ci", "qmfleet auth role list", "qmfleet auth role get operator",
            "qmfleet auth role get nosuch", "qmfleet auth role apply -f role.yaml", "cat role.yaml | qmfleet auth role apply -f - -o json", "qmfleet auth role apply -f bad-role.yaml",
            "qmfleet auth role get radio-keeper -o yaml", "qmfleet auth role delete radio-keeper", "qmfleet auth binding list",
            "qmfleet auth binding apply ci-radio --subject token:ci --role radio-keeper --node ecu1 --node ecu2", "qmfleet auth binding list", "qmfleet auth binding delete ci-radio", "qmfleet auth role list --token qmf_a_b",
            "qmfleet auth host-units allow heater.service --reason 'bench 4 has no ignition' -l bench=4", "qmfleet auth host-units allow fan.service --reason noise --dry-run", "qmfleet auth host-units list",
            "qmfleet restart ecu1 heater.service --on-host", "qmfleet auth host-units remove heater.service", "qmfleet auth host-units remove heater.service",
            "qmfleet auth can-i restart units -o json", "qmfleet auth token list -o json", "qmfleet auth role list -o json", "qmfleet auth role get operator -o json",
            "qmfleet auth binding apply nightly --subject token:nightly --role operator -o json", "qmfleet auth binding list -o json",
            "qmfleet auth host-units allow fan.service --reason noise -o json", "qmfleet auth host-units list -o json",
        ],
        ["pki"] =
        [
            "qmfleet pki show", "qmfleet pki show -o json", "qmfleet pki export", "qmfleet pki rotate server", "qmfleet pki rotate admin --dry-run", "qmfleet pki rotate ca --force", "qmfleet pki rotate ca --reason 'stolen disk'",
            "qmfleet pki rotate ca --finish", "qmfleet pki rotate ca --finish --force", "qmfleet pki import --chain ca.crt --key nosuch.key", "qmfleet pki import --chain ca.crt --key ca.key --dry-run",
            "qmfleet pki import --chain ca.crt --key ca.key --server https://bench:8420 --pki .", "qmfleet pki issue ann --role operator --out ann", "ls -l ann | tail -n +2 | cut -c1-10; cat ann/admin.crt",
            "qmfleet pki issue ann --role operator --out ann", "qmfleet pki issue ci --role viewer --request ca.key", "qmfleet pki issue ci --role viewer", "qmfleet pki revoke operator:ann --reason 'left the company'",
            "qmfleet pki revoke --serial 5f03a9c1 --reason lost -o json", "qmfleet pki revoke node:ecu1", "qmfleet pki revocations",
            "qmfleet pki revocations -o json", "qmfleet pki rotate server -o json", "qmfleet pki rotate admin -o json", "qmfleet pki rotate ca --dry-run -o json",
            "qmfleet pki import --chain ca.crt --key ca.key -o json", "qmfleet pki show",
        ],
        ["enrollments"] =
        [
            "qmfleet enrollments list", "qmfleet enrollments list --all -o wide", "qmfleet get enrollments --field-selector state=PENDING -o name", "qmfleet get enrollment ecu4 -o json",
            "qmfleet enrollments approve ecu4", "qmfleet enrollments approve ecu5", "qmfleet enrollments deny ecu5 --fingerprint bbbbbbbb --reason 'not ours'",
            "qmfleet enrollments approve ecu5 --fingerprint aaaaaaaa -o json", "qmfleet enrollments approve ecu9", "qmfleet get enrollment ecu9",
            "qmfleet enrollments deny ecu4 --reason 'not ours' -o json", "qmfleet enrollments list -o json", "qmfleet enrollments list",
        ],
        ["join-token"] =
        [
            "qmfleet join-token create bench --node 'ecu*' --node rig1 --uses 5", "qmfleet join-token create bench --node 'ecu*' --expires-in 2y", "qmfleet join-token create bench",
            "qmfleet join-token list", "qmfleet join-token list -o json", "qmfleet join-token revoke bench", "qmfleet join-token revoke bench",
        ],
        ["delete"] = ["qmfleet delete node ecu1", "qmfleet delete fleet cockpit --on-delete orphan", "qmfleet delete node ecu1"],
        ["explain"] = ["qmfleet explain fleet.spec.rollout", "qmfleet explain node.status.phase.phase", "qmfleet explain fleet.spec.rollout --recursive | head -n 12", "qmfleet explain fleet.spec.rolout"],
        ["config"] =
        [
            "qmfleet config get-contexts", "qmfleet config set-context bench --server https://bench:8420 --pki pki", "qmfleet config set-context here --server \"$QMFLEET_SERVER\"",
            "qmfleet config get-contexts", "qmfleet config set-context ci --server https://bench:8420 --pki pki --token qmf_id_secret",
            "qmfleet config set-context here --token qmf_id_secret", "qmfleet config use-context here", "qmfleet config current-context", "qmfleet config view", "qmfleet config view -o json",
            "QMFLEET_SERVER= qmfleet get nodes -o name", "qmfleet get nodes --context nosuch", "qmfleet config delete-context bench", "qmfleet config delete-context ci", "qmfleet config get-contexts -o name",
        ],
        ["completion"] = ["qmfleet completion bash", "qmfleet completion zsh", "qmfleet completion fish", "qmfleet completion tcsh"],
        ["lab"] =
        [
            "qmfleet lab faults --lab lab", "qmfleet lab faults --lab lab -o json", "qmfleet lab clear --lab lab", "qmfleet lab fault ecu2 slow --lab lab",
            .. Faults.Select(static fault => $"qmfleet lab fault {fault} --lab lab"),
        ],
        ["version"] = ["qmfleet version", "qmfleet version --client", "qmfleet version -o json"],
        ["unreachable"] = ["qmfleet get nodes --server unix:nobody.sock", "qmfleet version --server unix:nobody.sock", "qmfleet get nodes --server http://bench", "qmfleet get nodes --server https://bench:8420"],
    };

    public static TheoryData<string> Verbs => [.. Lines.Keys];

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task InAPipe_Verb_ShowsWhatItsTranscriptSays(string verb)
    {
        await using var lab = await FakeLab.StartAsync();
        var shell = Prepare(lab);
        var transcript = new StringBuilder();
        foreach (var line in Lines[verb])
        {
            var (output, error, end) = await shell.PipeAsync(line);
            transcript.Append(Shown(line)).Append(output).Append(string.Concat(error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(text => $"2> {text}\n")))
                .Append(end == 0 ? "\n" : FormattableString.Invariant($"exit {end}\n\n"));
        }

        GoldenFile.Check($"tests/Qm.Fleet.Cli.Tests/Transcripts/{verb}.txt", transcript.ToString());
    }

    [Fact]
    public void Transcripts_InTheRepository_AreThoseThatAreHeldToTheProgram()
    {
        var folder = Checkout.Of("tests/Qm.Fleet.Cli.Tests/Transcripts");

        Assert.Equal(Lines.Keys.Order(StringComparer.Ordinal), Directory.GetFiles(folder).Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal));
        Assert.Equal(TerminalLines.Keys.Order(StringComparer.Ordinal), Directory.GetFiles($"{folder}/terminal").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal));
    }

    private CliShell Prepare(FakeLab lab)
    {
        SampleFleet.Fill(Server);
        lab.Faults.Add(new() { Node = "ecu2", Name = "slow", Detail = "radio.service 5 s" });
        lab.Says = static request => $"{(request.Node.Length > 0 ? request.Node : string.Join(", ", request.Nodes))}: {request.FaultCase} is on".TrimStart(':', ' ');
        Write("cockpit.yaml", Manifest);
        Write("rear.yaml", Manifest.Replace("cockpit", "rear", StringComparison.Ordinal));
        Write("role.yaml", "name: radio-keeper\nrules:\n  - {verbs: [restart], resources: [units], scope: {units: ['radio.*']}}\n");
        Write("bad-role.yaml", "name: radio-keeper\nrules:\n  - {verb: [restart], resources: units, deny: perhaps}\n");
        Write("ca.crt", "a certificate");
        Write("ca.key", "a key");
        Write("bad.yaml", Manifest.Replace("selector", "selecter", StringComparison.Ordinal));
        File.CreateSymbolicLink(Files + "lab", lab.Folder);
        return new(Files.TrimEnd('/'), Server.Address);
    }

    private static string Shown(string line) => $"$ {line}\n";
}

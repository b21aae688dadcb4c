using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Qm.Fleet.Lab.Processes;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>
/// Every block that the README tells people to type, typed in bash beside a lab. A folder is the root of the host and of the node; ssh and scp lead into it, systemctl looks whether
/// the unit and its program are there, and dotnet publish brings what the tests were built with: .ci/run publishes for real.
/// </summary>
public sealed partial class ReadmeBlockTests
{
    /// <summary>How blocks begin that are shown and not typed.</summary>
    private static readonly string[] Shown = ["QM Fleet lab:", "Fleet cockpit ", "NODE "];

    /// <summary>How blocks begin that are typed elsewhere: in which file, and by what it reads them from here.</summary>
    private static readonly Dictionary<string, (string File, string Says)> Elsewhere = new()
    {
        ["dotnet run --project controller/Qm.Fleet.Lab"] = (".ci/run", "$(readme lab)"),
        ["dotnet test"] = (".ci/run", "$(readme test)"),
        ["cd /var/lib/qm-fleet-controller/pki/admin"] = ("tests/Qm.Fleet.Controller.Tests/Rest/CurlTests.cs", "README.md"),
    };

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);

    [Fact]
    [Trait("Requirement", "QMF-CLI-009")]
    public async Task Readme_EveryBlock_DoesWhatItSays()
    {
        var blocks = Blocks(await File.ReadAllLinesAsync(Checkout.Of("README.md"), FleetLab.Ct)).Where(static block => !Shown.Any(shown => block[0].StartsWith(shown, StringComparison.Ordinal))).ToList();
        Assert.All(Elsewhere, other =>
        {
            Assert.Contains(blocks, block => block[0] == other.Key);
            Assert.Contains(other.Value.Says, File.ReadAllText(Checkout.Of(other.Value.File)), StringComparison.Ordinal);
        });
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.ConvergedAsync();
        var work = Directory.CreateTempSubdirectory("qmfleet-readme-").FullName;
        var root = Prepare(work, lab.Lab);

        foreach (var block in blocks.Where(static block => !Elsewhere.ContainsKey(block[0])))
        {
            var (code, output) = await BashAsync(work, [$". {work}/prelude", .. block.Select(line => Here(line, root, lab.Lab))]);
            Assert.True(code == 0, $"{string.Join('\n', block)}\nended with {code}: {output}");
        }

        Assert.StartsWith("qmj1.", await File.ReadAllTextAsync($"{root}/etc/qm-fleet/join-token", FleetLab.Ct), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode($"{root}/etc/qm-fleet/join-token"));
        Assert.Equal($"[qm-fleet-agent]\nController={lab.Lab.Endpoint}\n", await File.ReadAllTextAsync($"{root}/etc/qm-fleet/agent.conf", FleetLab.Ct));
        Assert.All((string[])[$"{root}/etc/qm-fleet/pki/node.key", $"{work}/ann/admin.key", $"{root}/usr/share/man/man1/qmfleet-get.1", $"{root}/etc/bash_completion.d/qmfleet"], static file => Assert.True(File.Exists(file), file));
        Directory.Delete(work, recursive: true);
    }

    /// <summary>The lines of each block that says no language.</summary>
    private static IEnumerable<string[]> Blocks(IEnumerable<string> lines)
    {
        List<string>? block = null;
        var isOther = false;
        foreach (var line in lines.Select(static line => line.Trim()))
        {
            if (!line.StartsWith("```", StringComparison.Ordinal))
            {
                block?.Add(line);
            }
            else if (block is not null)
            {
                yield return [.. block];
                block = null;
            }
            else if (isOther || line.Length > "```".Length)
            {
                isOther = !isOther;
            }
            else
            {
                block = [];
            }
        }
    }

    // A line as it stands there, but for the folder that is the root here, where the controller is, and a node that there is.
    private static string Here(string line, string root, LabEnvironment lab)
    {
        var here = AbsolutePath().Replace(line, $"{root}/$1/").Replace("CONTROLLER:8420", new Uri(lab.Endpoint).Authority, StringComparison.Ordinal)
            .Replace("--pki DIR", "--pki trust", StringComparison.Ordinal).Replace("ecu9", "ecu3", StringComparison.Ordinal);
        // Nodes take a new authority up by themselves, at a pace of their own.
        return line.EndsWith("--finish", StringComparison.Ordinal) ? $"until {here}; do sleep 0.5; done" : here;
    }

    /// <summary>A host and a node in a folder, as far as they are there before.</summary>
    private static string Prepare(string work, LabEnvironment lab)
    {
        var root = Path.Combine(work, "root");
        foreach (var folder in (string[])["usr/bin", "etc/systemd/system", "etc/bash_completion.d", "var/lib"])
        {
            Directory.CreateDirectory(Path.Combine(root, folder));
        }

        foreach (var folder in (string[])["controller", "agent-extension", "deploy"])
        {
            Directory.CreateSymbolicLink(Path.Combine(work, folder), Checkout.Of(folder));
        }

        Directory.CreateDirectory(Path.Combine(work, "trust"));
        File.Copy(Path.Combine(lab.Directory.ControllerState, "pki/admin/ca.crt"), Path.Combine(work, "trust/ca.crt"));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=fleet root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        using var authority = request.CreateSelfSigned(TimeProvider.System.GetUtcNow() - TimeSpan.FromDays(1), TimeProvider.System.GetUtcNow() + TimeSpan.FromDays(3650));
        File.WriteAllText(Path.Combine(work, "fleet-ca.crt"), authority.ExportCertificatePem());
        File.WriteAllText(Path.Combine(work, "fleet-ca.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(Path.Combine(work, "prelude"), $$"""
            set -euo pipefail
            trap 'echo "failed: $BASH_COMMAND" >&2' ERR
            export QMFLEET_SERVER='{{lab.Server}}' HOME='{{work}}'
            qmfleet() { '{{Programs.Cli}}' "$@"; }
            ssh() { shift; if [ $# -eq 1 ]; then bash -c "$1"; else "$@"; fi; }
            scp() { local words=("$@"); words[-1]=${words[-1]#root@*:}; cp "${words[@]}"; }
            systemctl() {
              [ "$1 $2" = 'enable --now' ]
              local unit="{{root}}/etc/systemd/system/$3.service"
              [ -x "{{root}}$(sed -nE 's/^ExecStart=([^ ]+).*/\1/p' "$unit")" ]
            }
            dotnet() {
              [ "$1" = publish ] && [ -d "$2" ]
              local project=$2 name program
              while [ "$1" != -o ]; do shift; done
              case $project in
                *Controller) name=qm-fleet-controller; program='{{string.Join(' ', Programs.Controller)}} "$@" --state {{lab.Directory.ControllerState}}' ;;
                *Cli) name=qmfleet; program='{{Programs.Cli}} "$@"' ;;
                *Agent) name=qm-fleet-agent; program='{{string.Join(' ', Programs.Agent)}} "$@"' ;;
              esac
              mkdir -p "$2"
              printf '#!/bin/sh\nexec %s\n' "$program" > "$2/$name"
              chmod 755 "$2/$name"
            }
            cd '{{work}}'

            """);
        return root;
    }

    private static async Task<(int Code, string Output)> BashAsync(string work, IEnumerable<string> lines)
    {
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-c", string.Join('\n', lines)]) { WorkingDirectory = work, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (bash.StandardOutput.ReadToEndAsync(FleetLab.Ct), bash.StandardError.ReadToEndAsync(FleetLab.Ct));
        try
        {
            await bash.WaitForExitAsync(FleetLab.Ct).WaitAsync(Deadline, FleetLab.Ct);
        }
        catch (TimeoutException)
        {
            bash.Kill(entireProcessTree: true);
        }

        return (bash.HasExited ? bash.ExitCode : -1, await output + await errors);
    }

    [GeneratedRegex(@"(?<![\w./])/(usr|etc|var)/")]
    private static partial Regex AbsolutePath();
}

using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Everything that a lab wrote and told is searched for secrets that were planted in it, and each may be in the places that are named here only.</summary>
[Trait("Requirement", "QMF-SECRET-001")]
public sealed class SecretsTests
{
    private const string Password = "hushenvironment4711";
    private const string Changed = "hushchanged4712";
    private const string Signature = "hushsignature4713";
    private const string UserPassword = "hushuser4714";

    // What a fleet declares lies where it has to be to come into force: in the store, and in the files of the node and of its agent extension.
    private static readonly string[] Declared = ["controller/fleet.db", "/etc/qm/containers/systemd/radio.container", "/var/lib/qm-fleet/", "run/systemd/generator/"];

    [Fact]
    public async Task SecretsOfAWholeRun_LieWhereTheyAreDeclaredAndAreToldNowhere()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        var told = new StringBuilder();
        await ApplyAsync(lab, Password);
        await lab.ConvergedAsync();
        var token = (await lab.RunAsync("auth", "token", "create", "ci", "--role", "viewer")).Trim();
        Assert.StartsWith("qmf_", token, StringComparison.Ordinal);
        // Which the agent extension tells, and the controller writes down.
        var quadlet = Path.Combine(lab.Lab.Nodes[0].Root, "etc/qm/containers/systemd/radio.container");
        await File.AppendAllTextAsync(quadlet, $"\n# edited\nEnvironment=API_TOKEN={Changed}\n", FleetLab.Ct);
        await lab.EventsUntilAsync("FileDrifted", "ecu1");
        await lab.ConvergedAsync();

        var changed = await ManifestAsync(lab, Changed, $"rootfs: {{archive: {{url: 'http://127.0.0.1:9/qm.tar?sig={Signature}', sha256: {new string('a', 64)}}}}}");
        var refused = await ManifestAsync(lab, Password, $"rootfs: {{archive: {{url: 'http://ann:{UserPassword}@127.0.0.1:9/qm.tar', sha256: {new string('a', 64)}}}}}");
        await TellAsync("apply", "-f", refused, "--no-wait");
        await TellAsync("plan", "-f", changed);
        await TellAsync("plan", "-f", changed, "-o", "json");
        await TellAsync("apply", "-f", changed, "--no-wait");
        await lab.NodeAsync("ecu1", static node => node.Status?.Step?.Message.Contains("127.0.0.1:9", StringComparison.Ordinal) == true, "ecu1 tells that the archive cannot be had");
        await lab.Lab.RunCliAsync(["get", "nodes", "--server", lab.Lab.Endpoint, "--pki", Path.Combine(lab.Lab.Directory.ControllerState, "pki/admin"), "--token", token + "x"], FleetLab.Ct);
        await TellAsync("get", "nodes", "--server", lab.Lab.Endpoint, "--pki", Path.Combine(lab.Lab.Directory.ControllerState, "pki/admin"), "--token", token, "-v");
        foreach (var line in new[] { "diff cockpit", "diff cockpit -o json", "describe node ecu1", "get nodes -o json", "events", "events -o json", "audit export", "effective ecu1", "effective ecu1 -o json", "checks ecu1", "logs ecu1", "rollout why cockpit", "auth token list -o json", "get operations -o json" })
        {
            await TellAsync(line.Split(' '));
        }

        var bundle = Path.Combine(lab.Lab.Directory.Root, "ecu1.tar.gz");
        await lab.RunAsync("bundle", "ecu1", "-f", bundle);
        told.Append(await UnpackAsync(bundle));
        var keys = await KeysAsync(lab.Lab.Directory.Root);
        Assert.NotEmpty(keys);

        string[] planted = [Password, Changed, Signature, UserPassword, token, .. keys];
        Assert.All(planted, secret => Assert.DoesNotContain(secret, told.ToString(), StringComparison.Ordinal));
        // It was not the silence of a lab that tells nothing.
        Assert.Contains("PASSWORD=[redacted]", told.ToString(), StringComparison.Ordinal);
        Assert.Contains("http://127.0.0.1:9/qm.tar", told.ToString(), StringComparison.Ordinal);
        var found = 0;
        foreach (var path in Files(lab.Lab.Directory.Root))
        {
            var (name, text) = (Path.GetRelativePath(lab.Lab.Directory.Root, path), await ReadAsync(path));
            if (name is "manifest.yaml" || name.EndsWith("-in.yaml", StringComparison.Ordinal))
            {
                continue;
            }

            foreach (var secret in planted.Where(secret => text.Contains(secret, StringComparison.Ordinal)))
            {
                found++;
                Assert.True(
                    keys.Contains(secret) ? IsKeyFile(name) && File.GetUnixFileMode(path) == (UnixFileMode.UserRead | UnixFileMode.UserWrite)
                    : secret != token && secret != UserPassword && Declared.Any(place => name.Contains(place, StringComparison.Ordinal)),
                    $"{name} holds {(keys.Contains(secret) ? "a private key" : secret == token ? "the token" : secret)}");
            }
        }

        Assert.InRange(found, keys.Count, 1000);

        async Task TellAsync(params string[] arguments)
        {
            var (_, output) = await lab.Lab.RunCliAsync(arguments, FleetLab.Ct);
            Assert.NotEmpty(output);
            told.AppendLine(output);
        }
    }

    // The controller has its keys in files of their own, a node has all of its identity in one.
    private static bool IsKeyFile(string name) => name.EndsWith(".key", StringComparison.Ordinal) || name.EndsWith("/etc/qm-fleet/pki/identity.pem", StringComparison.Ordinal);

    private static Task<string> ApplyAsync(FleetLab lab, string password) => lab.ApplyAsync("cockpit.yaml", Environment(password));

    private static (string From, string To) Environment(string password) =>
        ("Container: {Image: \"localhost/radio:3\"}", $"Container: {{Image: \"localhost/radio:3\", Environment: \"PASSWORD={password}\"}}");

    private static async Task<string> ManifestAsync(FleetLab lab, string password, string rootfs)
    {
        var (from, to) = Environment(password);
        var text = (await File.ReadAllTextAsync(Path.Combine(FleetLab.Examples, "cockpit.yaml"), FleetLab.Ct)).Replace(from, to, StringComparison.Ordinal).Replace("rootfs: {preinstalled: {}}", rootfs, StringComparison.Ordinal);
        Assert.Contains(rootfs, text, StringComparison.Ordinal);
        var path = Path.Combine(lab.Lab.Directory.Root, $"{Guid.NewGuid():N}-in.yaml");
        await File.WriteAllTextAsync(path, text, FleetLab.Ct);
        return path;
    }

    // Any line of a key's body is as good as the key.
    private static async Task<IReadOnlySet<string>> KeysAsync(string root)
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in Files(root))
        {
            var text = await ReadAsync(path);
            for (var begin = text.IndexOf("PRIVATE KEY-----\n", StringComparison.Ordinal); begin >= 0; begin = text.IndexOf("PRIVATE KEY-----\n", begin + 1, StringComparison.Ordinal))
            {
                keys.UnionWith(text[begin..].Split('\n').Skip(1).TakeWhile(static line => !line.StartsWith('-')).Where(static line => line.Length >= 32));
            }
        }

        return keys;
    }

    private static IEnumerable<string> Files(string root) => Directory.EnumerateFiles(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Device })
        .Where(static path => File.GetAttributes(path).HasFlag(FileAttributes.Normal) && new FileInfo(path) is { Length: > 0 and < 64 << 20 });

    private static async Task<string> ReadAsync(string path)
    {
        try
        {
            await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(file, Encoding.Latin1);
            return await reader.ReadToEndAsync(FleetLab.Ct);
        }
        catch (IOException)
        {
            // Gone meanwhile, or what another process holds: a lock has nothing in it.
            return "";
        }
    }

    private static async Task<string> UnpackAsync(string bundle)
    {
        var text = new StringBuilder();
        await using var file = File.OpenRead(bundle);
        await using var gzip = new GZipStream(file, CompressionMode.Decompress);
        await using var tar = new TarReader(gzip);
        while (await tar.GetNextEntryAsync(copyData: true, FleetLab.Ct) is { } entry)
        {
            text.AppendLine(entry.Name);
            using var reader = new StreamReader(entry.DataStream ?? Stream.Null, Encoding.Latin1);
            text.AppendLine(await reader.ReadToEndAsync(FleetLab.Ct));
        }

        return text.ToString();
    }
}

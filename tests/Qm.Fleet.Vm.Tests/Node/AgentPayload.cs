using System.Formats.Tar;
using System.Text;
using Qm.Fleet.Vm.Tests.Machine;

namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>What an installation and an enrolment put on a node: the native agent extension, its unit as it is delivered, its configuration and its keys.</summary>
internal static class AgentPayload
{
    // Names a native agent extension of this very source; without it one is published.
    private const string AgentVariable = "QMFLEET_AGENT";

    private static readonly TimeSpan PublishDeadline = TimeSpan.FromMinutes(10);

    /// <summary>A tar over the node's root.</summary>
    /// <param name="gateway">Where the agent extension dials.</param>
    /// <param name="node">The node's name.</param>
    /// <param name="cache">A folder for what is published.</param>
    /// <param name="more">Files beside those, by path from the node's root.</param>
    internal static async Task<byte[]> MakeAsync(Gateway gateway, string node, string cache, params IEnumerable<(string Path, string Content)> more)
    {
        var source = Checkout.Root;
        var agent = Environment.GetEnvironmentVariable(AgentVariable) is { Length: > 0 } named ? named : await PublishAsync(source, cache);
        using var tar = new MemoryStream();
        await using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            Add(writer, "usr/bin/qm-fleet-agent", await File.ReadAllBytesAsync(agent), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Add(writer, "usr/lib/systemd/system/qm-fleet-agent.service", await File.ReadAllBytesAsync(Path.Combine(source, "deploy/systemd/qm-fleet-agent.service")));
            Add(writer, "etc/qm-fleet/agent.conf", Encoding.UTF8.GetBytes($"[qm-fleet-agent]\nController={gateway.Address}\n"));
            foreach (var (file, pem) in gateway.Enrol(node))
            {
                Add(writer, $"etc/qm-fleet/pki/{file}", Encoding.UTF8.GetBytes(pem));
            }

            foreach (var (path, content) in more)
            {
                Add(writer, path, Encoding.UTF8.GetBytes(content));
            }
        }

        return tar.ToArray();
    }

    private static async Task<string> PublishAsync(string source, string cache)
    {
        var folder = Path.Combine(cache, "agent");
        await Programs.RunAsync(PublishDeadline, "dotnet", "publish", Path.Combine(source, "agent-extension/Qm.Fleet.Agent"), "-r", "linux-x64", "-p:NativeAot=true", "-o", folder, "--verbosity", "quiet");
        return Path.Combine(folder, "qm-fleet-agent");
    }

    private static void Add(TarWriter writer, string path, byte[] content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite) =>
        writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(content), Mode = mode });
}

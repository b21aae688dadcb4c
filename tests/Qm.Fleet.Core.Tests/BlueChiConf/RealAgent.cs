using System.Diagnostics;
using System.Text;
using Xunit;

namespace Qm.Fleet.Core.Tests.BlueChiConf;

/// <summary>Starts the installed bluechi-agent over files of our own, in a mount namespace that hides the machine's.</summary>
internal static class RealAgent
{
    private const string Variable = "QMFLEET_BLUECHI_PREFIX";
    private const string Delimiter = "=== next agent";
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    // NodeName has a default of its own (the host's name), which is added to every case.
    internal static readonly string[] Judged = ["A", "B", "ControllerHost", "NodeName"];

    // The agent tells its configuration, finds no bus, and ends.
    private const string Script = """
        set -e
        mount -t tmpfs tmpfs "$2"
        mkdir "$2/etc" "$2/etc.work" "$2/share" "$2/share.work"
        mount -t overlay overlay -o "lowerdir=/etc,upperdir=$2/etc,workdir=$2/etc.work" /etc
        mount -t overlay overlay -o "lowerdir=/usr/share,upperdir=$2/share,workdir=$2/share.work" /usr/share
        for case in "$1"/*; do
            echo "=== next agent"
            rm -rf /etc/bluechi /usr/share/bluechi-agent
            mkdir -p /usr/share/bluechi-agent
            cp -r "$case/etc" /etc/bluechi
            cp -r "$case/config" /usr/share/bluechi-agent/config
            timeout 10 "$3" 2>&1 || true
        done
        """;

    /// <summary>The judged settings of each case, one a line; null for an agent that refuses its files. Skips the test where none can be started.</summary>
    internal static async Task<IReadOnlyList<string?>> ConfigurationsAsync(IReadOnlyList<Installed> cases, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("qm-fleet-agent-conf-");
        try
        {
            var all = Directory.CreateDirectory(Path.Combine(folder.FullName, "cases")).FullName;
            foreach (var (index, files) in cases.Index())
            {
                Write(Path.Combine(all, $"{index:d4}"), files);
            }

            var output = await RunAsync([all, Directory.CreateDirectory(Path.Combine(folder.FullName, "overlay")).FullName, Program()], cancellation);
            return [.. output.Split(Delimiter)[1..].Select(Told)];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Program()
    {
        var prefix = Environment.GetEnvironmentVariable(Variable);
        Assert.SkipWhen(string.IsNullOrEmpty(prefix), $"{Variable} is not set; it names the folder that BlueChi is installed to");
        var found = new[] { "usr/libexec/bluechi-agent", "libexec/bluechi-agent" }.Select(path => Path.Combine(prefix!, path)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(found is null, $"{Variable}={prefix} holds no bluechi-agent");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "a mount namespace needs root");
        return found!;
    }

    private static void Write(string directory, Installed files)
    {
        var dropIns = Directory.CreateDirectory(Path.Combine(directory, "etc/agent.conf.d")).FullName;
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(directory, "config")).FullName, "agent.conf"), files.Vendor);
        if (files.Main is { } main)
        {
            File.WriteAllText(Path.Combine(directory, "etc/agent.conf"), main);
        }

        foreach (var (name, text) in files.DropIns)
        {
            File.WriteAllText(Path.Combine(dropIns, name), text);
        }
    }

    private static async Task<string> RunAsync(string[] arguments, CancellationToken cancellation)
    {
        using var deadline = new CancellationTokenSource(Deadline, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        using var process = Process.Start(new ProcessStartInfo("unshare", ["--mount", "sh", "-c", Script, "sh", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            Environment = { ["BC_LOG_LEVEL"] = "DEBUG", ["BC_LOG_TARGET"] = "stderr", ["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent" },
        })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(either.Token), process.StandardError.ReadToEndAsync(either.Token));
        await process.WaitForExitAsync(either.Token);
        Assert.SkipUnless(process.ExitCode == 0, $"no mount namespace with overlays on this machine: {await error}");
        return await output;
    }

    // Between the headline and the next empty line: sections in brackets, keys in no order. Defaults that no file set are left out.
    private static string? Told(string output)
    {
        var lines = output.Split('\n');
        var start = Array.FindIndex(lines, line => line.EndsWith("Final configuration used: ", StringComparison.Ordinal) || line.EndsWith("Final configuration used:", StringComparison.Ordinal));
        if (start < 0)
        {
            return null;
        }

        var section = lines[(start + 1)..].SkipWhile(line => line != "[bluechi-agent]").Skip(1).TakeWhile(line => line.Length > 0 && !line.StartsWith('[')).ToArray();
        return string.Join('\n', Judged.Select(key => section.FirstOrDefault(line => line.StartsWith(key + "=", StringComparison.Ordinal)))
            .Where(line => line is not null && line != "ControllerHost=127.0.0.1" && line != $"NodeName={Environment.MachineName}"));
    }
}

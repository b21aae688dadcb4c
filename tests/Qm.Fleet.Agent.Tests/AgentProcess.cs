using System.Diagnostics;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests;

/// <summary>The agent as a process of its own, connected to a gateway. A test that ends, however it does, leaves none behind.</summary>
internal sealed class AgentProcess : IAsyncDisposable
{
    private Process? _process;

    private AgentProcess(Process process, TestGateway.Stream stream) => (_process, Stream) = (process, stream);

    public TestGateway.Stream Stream { get; }

    /// <summary>The program and its first arguments, with a word for it.</summary>
    /// <remarks>
    /// What QMFLEET_AGENT names; else the native program of the repository's artifacts, unless it is older than the one just built; else that one, with
    /// the tests' own libraries, which contain its.
    /// </remarks>
    public static (string Kind, string[] Command) Program { get; } = Find();

    public static async Task<AgentProcess> StartAsync(EmulatedNode node, TestGateway gateway, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo(Program.Command[0],
            [.. Program.Command[1..], "--root", node.Root, "--controller", gateway.Address.ToString(), "--log-level", "None"]);
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        var isStarted = false;
        try
        {
            var stream = gateway.NextStreamAsync();
            var exit = process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(await Task.WhenAny(stream, exit) == stream, "the agent ended before it connected");
            var started = new AgentProcess(process, await stream);
            isStarted = true;
            return started;
        }
        finally
        {
            if (!isStarted)
            {
                await EndAsync(process);
            }
        }
    }

    /// <summary>A revision as a controller sends it.</summary>
    public static Stage Wire(StagedRevision revision) => new()
    {
        Revision = revision.Revision,
        RootfsPreinstalled = true,
        Files =
        {
            revision.Files.Select(file => new V1.OwnedFile
            {
                Kind = (V1.OwnedFile.Types.Kind)file.Kind,
                Name = file.Name,
                Content = file.Content,
            }),
        },
    };

    /// <summary>SIGKILL, until nothing of the process is left; once is enough.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _process, null) is { } process)
        {
            await EndAsync(process);
        }
    }

    private static async Task EndAsync(Process process)
    {
        using (process)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static (string Kind, string[] Command) Find()
    {
        if (System.Environment.GetEnvironmentVariable("QMFLEET_AGENT") is { Length: > 0 } named)
        {
            return ("QMFLEET_AGENT", [named]);
        }

        var managed = Path.Combine(AppContext.BaseDirectory, "qm-fleet-agent.dll");
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var native = Path.Combine(directory.FullName, "artifacts", "agent", "qm-fleet-agent");
            if (File.Exists(Path.Combine(directory.FullName, "Qm.Fleet.sln")) && File.Exists(native)
                && File.GetLastWriteTimeUtc(native) >= File.GetLastWriteTimeUtc(managed))
            {
                return ("native", [native]);
            }
        }

        var tests = Path.Combine(AppContext.BaseDirectory, "Qm.Fleet.Agent.Tests");
        return ("managed", ["dotnet", "exec", "--runtimeconfig", $"{tests}.runtimeconfig.json", "--depsfile", $"{tests}.deps.json", managed]);
    }
}

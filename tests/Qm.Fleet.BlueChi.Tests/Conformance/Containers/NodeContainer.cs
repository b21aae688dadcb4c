using System.Text;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Configurations;
using DotNet.Testcontainers.Containers;
using DotNet.Testcontainers.Images;
using DotNet.Testcontainers.Networks;
using Microsoft.Extensions.Logging.Abstractions;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>A node: systemd as process 1 of a container.</summary>
internal sealed class NodeContainer : IAsyncDisposable
{
    private static readonly TimeSpan BootDeadline = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan BootPollInterval = TimeSpan.FromMilliseconds(200);

    private const UnixFileModes Plain = UnixFileModes.UserRead | UnixFileModes.UserWrite | UnixFileModes.GroupRead | UnixFileModes.OtherRead;

    private const UnixFileModes Executable = Plain | UnixFileModes.UserExecute | UnixFileModes.GroupExecute | UnixFileModes.OtherExecute;

    // systemd wants a unified hierarchy that it may write to. Docker gives it one of its own (a private namespace), but read-only, and under the legacy
    // controllers on a host that still mounts those; on a fresh mount systemd finds what it wants on both kinds of host.
    private const string Entry = "mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /sbin/init";

    // Fails until systemd answers, and waits for the end of the boot from then on; a unit that failed is found below, with its reason.
    private const string Booted = "case $(systemctl is-system-running --wait) in running | degraded) ;; *) exit 1 ;; esac";

    private const string Journal = "systemctl --failed --no-pager --plain; journalctl --boot --no-pager --lines=40";

    private readonly IContainer _container;
    private readonly string _name;

    private NodeContainer(IContainer container, string name) => (_container, _name) = (container, name);

    /// <summary>Boots a node.</summary>
    /// <param name="name">Its name in BlueChi and on the network.</param>
    /// <param name="image">As <see cref="BaseImage"/> made it.</param>
    /// <param name="network">Shared with the other nodes.</param>
    /// <param name="blueChi">Whose programs it has; null for none.</param>
    /// <param name="files">What it has besides, by absolute path.</param>
    /// <param name="busFolder">A folder of the host that its system bus is to have its socket in; null to keep the bus to itself.</param>
    /// <param name="ct">Ends the wait, and the node with it.</param>
    /// <exception cref="InvalidOperationException">It does not come up; the message has its failed units and journal.</exception>
    internal static async Task<NodeContainer> StartAsync(
        string name, string image, INetwork network, BlueChiInstallation? blueChi, IEnumerable<(string Path, string Text)> files, string? busFolder,
        CancellationToken ct)
    {
        var builder = new ContainerBuilder(image)
            .WithLogger(NullLogger.Instance)
            .WithImagePullPolicy(PullPolicy.Never)
            .WithHostname(name)
            .WithNetwork(network)
            .WithNetworkAliases(name)
            .WithLabel(DockerHost.OwnerLabel, DockerHost.Owner)
            .WithEntrypoint("/bin/sh", "-c", Entry)
            .WithEnvironment("container", "docker")
            .WithTmpfsMount("/run")
            .WithTmpfsMount("/tmp")
            .WithCreateParameterModifier(parameters =>
            {
                // A node of a test is not worth a shutdown.
                parameters.StopSignal = "SIGKILL";
                var host = parameters.HostConfig ??= new();
                host.CapAdd = ["SYS_ADMIN", "NET_ADMIN"];
                host.SecurityOpt = ["seccomp=unconfined", "apparmor=unconfined", "label=disable"];
                host.CgroupnsMode = "private";
            })
            .WithWaitStrategy(Wait.ForUnixContainer().UntilCommandIsCompleted(
                ["/bin/sh", "-c", Booted], wait => wait.WithTimeout(BootDeadline).WithInterval(BootPollInterval)));
        builder = (blueChi?.Files ?? []).Aggregate(
            builder, (node, file) => node.WithResourceMapping(file.Source, file.Target, fileMode: file.IsExecutable ? Executable : Plain));
        builder = files.Aggregate(builder, (node, file) => node.WithResourceMapping(Encoding.UTF8.GetBytes(file.Text), file.Path, fileMode: Plain));
        var node = new NodeContainer((busFolder is null ? builder : builder.WithBindMount(busFolder, "/run/dbus")).Build(), name);
        try
        {
            await node._container.StartAsync(ct);
            await node.RunAsync(ct, "systemctl", "is-system-running");
            return node;
        }
        catch (Exception e) when ((e is TimeoutException or InvalidOperationException) && node._container.State is TestcontainersStates.Running)
        {
            var journal = await node.JournalAsync();
            await node.DisposeAsync();
            throw new InvalidOperationException($"Node {name} did not come up whole within {BootDeadline.TotalSeconds} s:\n{journal}", e);
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a command in the node.</summary>
    /// <returns>What it printed, without the last line feed.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message has what it printed.</exception>
    internal async Task<string> RunAsync(CancellationToken ct, params string[] command)
    {
        var result = await TryAsync(ct, command);
        return result.ExitCode == 0
            ? result.Stdout.TrimEnd('\n')
            : throw new InvalidOperationException($"{string.Join(' ', command)} ended with {result.ExitCode} on {_name}: {result.Stdout}{result.Stderr}");
    }

    /// <summary>Runs a command in the node, however it ends.</summary>
    internal Task<ExecResult> TryAsync(CancellationToken ct, params string[] command) => _container.ExecAsync(command, ct);

    /// <summary>The node's process 1 as this machine counts it.</summary>
    internal async Task<long> InitPidAsync(CancellationToken ct)
    {
        using var docker = DockerHost.Connect();
        var container = await docker.Containers.InspectContainerAsync(_container.Id, ct);
        return container.State?.Pid ?? throw new InvalidOperationException($"Docker does not know the process 1 of {_name}");
    }

    /// <summary>Writes a file of the node; folders are made.</summary>
    internal Task WriteAsync(string path, string text, CancellationToken ct) => WriteAsync(path, Encoding.UTF8.GetBytes(text), ct);

    /// <summary>Writes a file of the node; folders are made.</summary>
    internal Task WriteAsync(string path, byte[] content, CancellationToken ct) => _container.CopyAsync(content, path, fileMode: Plain, ct: ct);

    /// <summary>What the node has to say of itself when something is wrong with it.</summary>
    internal async Task<string> JournalAsync()
    {
        try
        {
            var result = await _container.ExecAsync(["/bin/sh", "-c", Journal], CancellationToken.None);
            return result.Stdout + result.Stderr;
        }
        catch (Docker.DotNet.DockerApiException e)
        {
            var (stdout, stderr) = await _container.GetLogsAsync(ct: CancellationToken.None);
            return $"{stdout}{stderr}{e.Message}";
        }
    }

    /// <summary>Ends and removes the node.</summary>
    public ValueTask DisposeAsync() => _container.DisposeAsync();
}

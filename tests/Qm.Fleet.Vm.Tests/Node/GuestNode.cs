using System.Globalization;
using System.Net;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Vm.Tests.Machine;

// One machine at a time.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>
/// One ECU for all tests: Debian 13 with its own kernel, systemd, Podman and quadlet generator in a virtual machine, with a real QM in it. Each test
/// brings it to what it needs, in any order.
/// </summary>
public class GuestNode : IAsyncLifetime
{
    internal const string Name = "ecu1";

    // What QEMU's user network shows the host's loopback as.
    private const string HostSeenByTheGuest = "10.0.2.2";

    // About how much slower than an ECU a machine without hardware acceleration is.
    private const int Slower = 8;

    // Far beyond what the agent extension takes to notice and tell.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(6);

    private const string Switch = "QMFLEET_VM";
    private const string Init = "$(cat /sys/fs/cgroup/qm.service/libpod-payload-*/init.scope/cgroup.procs | head -n 1)";

    private readonly string _kernel;
    private readonly string _prepare;
    private Gateway? _gateway;
    private VirtualMachine? _machine;
    private FleetLoop? _loop;

    public GuestNode()
        : this("", "true")
    {
    }

    /// <param name="kernel">More of its kernel's command line.</param>
    /// <param name="prepare">A script that runs once the agent extension is installed, and before it is started.</param>
    protected GuestNode(string kernel, string prepare) => (_kernel, _prepare) = (kernel, prepare);

    /// <summary>Runs scripts on the node.</summary>
    internal GuestShell Shell => _machine!.Shell;

    /// <summary>The way to an environment.</summary>
    internal FleetLoop Fleet => _loop!;

    /// <summary>The node's systemd.</summary>
    internal GuestSystemd Systemd => new(Shell);

    public async ValueTask InitializeAsync()
    {
        if (Missing() is not null)
        {
            return;
        }

        var image = await VmImage.GetAsync();
        _gateway = await Gateway.StartAsync(IPAddress.Loopback, IPAddress.Parse(HostSeenByTheGuest));
        var payload = AgentPayload.MakeAsync(_gateway, Name, VmImage.Cache);
        _machine = await VirtualMachine.BootAsync(image, _kernel);
        await _machine.UnpackAsync(await payload, CancellationToken.None);
        await Shell.RunAsync(_prepare, CancellationToken.None);
        await Shell.RunAsync("systemctl daemon-reload && systemctl enable --now qm-fleet-agent.service", CancellationToken.None);
        _loop = new(Name, _gateway.Links, Systemd, new(Slower));
        await ConnectedAsync(null, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_machine is not null)
        {
            await _machine.DisposeAsync();
        }

        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }
    }

    /// <summary>Skips the test where there is no machine, and says why.</summary>
    internal static void Need() => Assert.SkipWhen(Missing() is not null, Missing() ?? "");

    /// <summary>Brings the node to an environment, and expects that all of it was read back as wanted.</summary>
    internal Task<Journey> ReadyAsync(FleetEnvironment environment) => Fleet.ReadyAsync(environment);

    /// <summary>What sheds load of the node as a fleet's rules say, with nothing shed yet.</summary>
    internal LoadShedding Shedding(FleetSpec fleet) => new(fleet, new(Name, _gateway!.Sink), () => _gateway.Links.Usage(Name)?.Usage);

    /// <summary>Since when the agent extension is connected, or gone.</summary>
    internal DateTimeOffset? LinkedSince => _gateway!.Links.Since(Name);

    /// <summary>Waits until the agent extension is connected.</summary>
    /// <param name="after">With this time, a link that is newer.</param>
    /// <param name="ct">Ends the wait.</param>
    internal Task ConnectedAsync(DateTimeOffset? after, CancellationToken ct) => Fleet.ConnectedAsync(after, ct);

    /// <summary>The first report that fits, which nobody asks for.</summary>
    internal async Task<V1.NodeReport> ReportAsync(Predicate<V1.NodeReport> fits, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Longest);
        var found = new TaskCompletionSource<V1.NodeReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(string node)
        {
            if (_gateway.Links.LastReport(Name)?.Report is { } report && fits(report))
            {
                found.TrySetResult(report);
            }
        }

        _gateway!.Links.Changed += Look;
        try
        {
            return await found.Task.WaitAsync(limit.Token);
        }
        finally
        {
            _gateway.Links.Changed -= Look;
        }
    }

    /// <summary>The first event of a reason and a unit after a number.</summary>
    internal async Task<StoredEvent> EventAsync(string reason, string unit, long after, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Longest);
        while (true)
        {
            if (Events.FirstOrDefault(one => one.Number > after && one.Draft.Reason == reason && one.Draft.Unit == unit) is { } found)
            {
                return found;
            }

            try
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, limit.Token);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                throw new TimeoutException($"no {reason} of {unit} within {Longest.TotalMinutes:0} minutes; there are {string.Join("; ", Events.Select(one => $"{one.Draft.Reason} {one.Draft.Unit} {one.Draft.Message}"))}");
            }
        }
    }

    /// <summary>The controller's event log.</summary>
    internal IReadOnlyList<StoredEvent> Events => _gateway!.Events;

    /// <summary>A file of qm.service's cgroup, as the kernel tells it.</summary>
    internal Task<string> CgroupAsync(string file) => Shell.RunAsync($"cat /sys/fs/cgroup/qm.service/{file}", TestContext.Current.CancellationToken);

    /// <summary>The OOM score of QM's init, as the kernel tells it; MainPID is conmon.</summary>
    internal async Task<int> QmScoreAsync() =>
        int.Parse(await Shell.RunAsync($"cat /proc/{Init}/oom_score_adj", TestContext.Current.CancellationToken), CultureInfo.InvariantCulture);

    /// <summary>Process id of QM's init on the node: another one at every start of QM.</summary>
    internal Task<string> QmInitAsync() => Shell.RunAsync($"echo {Init}", TestContext.Current.CancellationToken);

    /// <summary>What is mounted on / of the running QM, a path within the node's root file system.</summary>
    internal Task<string> QmRootAsync() => Shell.RunAsync($"awk '$5 == \"/\" {{ print $4 }}' /proc/{Init}/mountinfo", TestContext.Current.CancellationToken);

    /// <summary>Runs a script inside QM.</summary>
    internal Task<string> InsideAsync(string script) => Systemd.InsideAsync(script, TestContext.Current.CancellationToken);

    private static string? Missing()
    {
        if (Environment.GetEnvironmentVariable(Switch) != "1")
        {
            return $"{Switch}=1 is not set: the virtual machine takes minutes";
        }

        string[] missing = [.. new[] { "qemu-system-x86_64", "debootstrap", "mkfs.ext4" }.Where(program => Programs.Find(program) is null)];
        return missing.Length > 0 ? $"{Switch}=1, but there is no {string.Join(", no ", missing)}"
            : Environment.IsPrivilegedProcess ? null : $"{Switch}=1, but only root can make the machine's disk";
    }
}

/// <summary>The tests of the node: one after another, on one machine.</summary>
[CollectionDefinition(Name)]
public sealed class OnTheGuest : ICollectionFixture<GuestNode>
{
    internal const string Name = "Virtual machine";
}

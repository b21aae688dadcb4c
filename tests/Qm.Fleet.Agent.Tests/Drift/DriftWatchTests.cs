using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Agent.Drift;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Tests.Drift;

/// <summary>The kernel's real inotify on real files.</summary>
[Trait("Requirement", "QMF-DRIFT-002")]
public sealed class DriftWatchTests : IAsyncDisposable
{
    private static readonly OwnedPath Workload = new("/etc/qm", "containers/systemd", "radio.container");
    private static readonly OwnedPath Agent = new("/etc/qm", "bluechi/agent.conf.d", "zz-qm-fleet.conf");
    private static readonly OwnedPath Brake = new("/", "etc/systemd/system/brake-control.service.d", "50-qm-fleet.conf");

    private readonly EmulatedNode _node = new();
    private readonly NodeRoot _root;
    private readonly DriftWatch _watch;
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly Channel<bool> _noticed = Channel.CreateUnbounded<bool>();
    private Task _run = Task.CompletedTask;

    public DriftWatchTests()
    {
        if (!InotifyIsLeft())
        {
            Assert.Skip("this user has no inotify instance left (fs.inotify.max_user_instances)");
        }

        _root = NodeRoot.Open(_node.Root);
        _watch = new(_root, TimeProvider.System, NullLogger<DriftWatch>.Instance);
        _watch.Noticed += () => _noticed.Writer.TryWrite(true);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        _root?.Dispose();
        _node.Dispose();
    }

    [Fact(Timeout = 60_000)]
    public async Task Watch_EveryWayToChangeAFile_IsNoticed()
    {
        await FollowAsync([Workload, Agent], TestContext.Current.CancellationToken);
        var file = _node.Of($"etc/qm/{Workload.InTree}");
        await NoticedAsync(() => File.WriteAllText(file, "[Container]\n"), TestContext.Current.CancellationToken);
        await NoticedAsync(() => File.AppendAllText(file, "Image=x\n"), TestContext.Current.CancellationToken);
        await NoticedAsync(() => File.Move(file, _node.Of("etc/elsewhere")), TestContext.Current.CancellationToken);
        await NoticedAsync(() => File.Move(_node.Of("etc/elsewhere"), file), TestContext.Current.CancellationToken);
        await NoticedAsync(() => File.Delete(file), TestContext.Current.CancellationToken);
    }

    [Fact(Timeout = 60_000)]
    public async Task Watch_DirectoryMadeLater_IsWatchedFromThenOn()
    {
        await FollowAsync([Brake], TestContext.Current.CancellationToken);
        await NoticedAsync(() => Directory.CreateDirectory(_node.Of(Brake.Directory)), TestContext.Current.CancellationToken);
        await NoticedAsync(() => File.WriteAllText(_node.Of(Brake.InTree), "[Service]\n"), TestContext.Current.CancellationToken);
        await NoticedAsync(() => Directory.Delete(_node.Of(Brake.Directory), recursive: true), TestContext.Current.CancellationToken);
        await NoticedAsync(() => _node.Write(Brake.InTree, "[Service]\n"), TestContext.Current.CancellationToken);
        await NoticedAsync(() => File.Delete(_node.Of(Brake.InTree)), TestContext.Current.CancellationToken);
    }

    // Only places of ours: what goes on in the rest of /etc wakes nobody.
    [Fact(Timeout = 60_000)]
    public async Task Watch_OtherPlaces_AreNotWatched()
    {
        await FollowAsync([Workload], TestContext.Current.CancellationToken);
        Assert.True(IsWatched("etc/qm/containers/systemd"));
        Assert.All((string[])["etc", "etc/qm", "etc/qm/containers", "etc/qm/bluechi/agent.conf.d", "var/qm"], directory => Assert.False(IsWatched(directory), directory));
    }

    [Fact(Timeout = 60_000)]
    public async Task Watch_PlaceNoLongerFollowed_IsLetGo()
    {
        await FollowAsync([Workload, Agent], TestContext.Current.CancellationToken);
        Assert.True(IsWatched("etc/qm/bluechi/agent.conf.d"));
        await NoticedAsync(() => _watch.Follow([Workload]), TestContext.Current.CancellationToken);
        Assert.False(IsWatched("etc/qm/bluechi/agent.conf.d"));
        Assert.True(IsWatched("etc/qm/containers/systemd"));
    }

    [Fact(Timeout = 60_000)]
    public async Task Watch_DirectoryThatIsThereNow_ReplacesTheOneAboveIt()
    {
        await FollowAsync([Brake], TestContext.Current.CancellationToken);
        Assert.True(IsWatched("etc"));
        await NoticedAsync(() => Directory.CreateDirectory(_node.Of(Brake.Directory)), TestContext.Current.CancellationToken);
        Assert.True(IsWatched(Brake.Directory));
        Assert.False(IsWatched("etc"));
    }

    // What runs in QM can plant links in QM's /etc: inside its tree they are followed, out of the node's root they lead nowhere.
    [Fact(Timeout = 60_000)]
    public async Task Watch_LinkOutOfTheRoot_DoesNotLeadOut()
    {
        var outside = Directory.CreateTempSubdirectory("qm-fleet-outside-").FullName;
        try
        {
            Directory.Delete(_node.Of("etc/qm/containers/systemd"), recursive: true);
            File.CreateSymbolicLink(_node.Of("etc/qm/containers/systemd"), $"../../../../../../../../../..{outside}");
            await FollowAsync([Workload], TestContext.Current.CancellationToken);
            Assert.False(IsWatchedFullPath(outside));
        }
        finally
        {
            Directory.Delete(outside);
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Run_Cancelled_EndsItsThread()
    {
        await FollowAsync([Workload], TestContext.Current.CancellationToken);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _run);
    }

    private static bool InotifyIsLeft()
    {
        try
        {
            Inotify.Open().Dispose();
            return true;
        }
        catch (NodeFileException)
        {
            return false;
        }
    }

    private bool IsWatched(string directory) => IsWatchedFullPath(_node.Of(directory));

    // The kernel's own list: "inotify wd:1 ino:8d7 sdev:16 mask:...", numbers in hexadecimal digits.
    private static bool IsWatchedFullPath(string directory)
    {
        using var stat = Process.Start(new ProcessStartInfo("stat", ["-c", "%i %d", directory]) { RedirectStandardOutput = true })!;
        var numbers = stat.StandardOutput.ReadToEnd().Split(' ').Select(ulong.Parse).ToArray();
        stat.WaitForExit();
        var (major, minor) = ((numbers[1] >> 8) & 0xfff, (numbers[1] & 0xff) | ((numbers[1] >> 12) & 0xfff00));
        var wanted = FormattableString.Invariant($" ino:{numbers[0]:x} sdev:{(major << 20) | minor:x} ");
        return new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos()
            .Where(descriptor => descriptor.LinkTarget == "anon_inode:inotify")
            .Any(descriptor => File.ReadAllText($"/proc/self/fdinfo/{descriptor.Name}").Contains(wanted));
    }

    // Following is noticed like a change: by then the watches are there.
    private async Task FollowAsync(OwnedPath[] places, CancellationToken cancellationToken)
    {
        _run = _watch.RunAsync(_stop.Token);
        await NoticedAsync(() => _watch.Follow(places), cancellationToken);
    }

    private async Task NoticedAsync(Action change, CancellationToken cancellationToken)
    {
        change();
        await _noticed.Reader.ReadAsync(cancellationToken);
    }
}

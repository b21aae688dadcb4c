namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// What <c>qm.service</c> runs: conmon, which systemd calls the main process, and the payload with QM's init and everything below it. Active
/// means that conmon runs; QM's own boot comes after.
/// </summary>
internal sealed class QmBody(NodeContext node, IBlueChi blueChi) : IUnitBody
{
    public string Cgroup => "/qm.service";

    public bool IsContainer => true;

    public bool IgnoresSigterm => Instance?.HasDeafWorkload ?? false;

    /// <summary>The QM that runs, or null.</summary>
    public QmInstance? Instance { get; private set; }

    public int? Start(LoadedUnit loaded, ResourceControl limits)
    {
        node.Kernel.CreateCgroup(Cgroup, limits);
        var conmon = node.Kernel.Spawn($"{Cgroup}/runtime", "conmon", -1000);
        Instance = new QmInstance(node, blueChi, loaded);
        Instance.Boot();
        return conmon;
    }

    public void Leave() => Instance?.Dispose();

    public void Stop()
    {
        Instance?.Dispose();
        Instance = null;
        node.Kernel.RemoveCgroup(Cgroup);
    }
}

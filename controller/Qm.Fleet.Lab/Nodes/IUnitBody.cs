namespace Qm.Fleet.Lab.Nodes;

/// <summary>What a unit consists of while it runs: processes, cgroups, and whatever else begins and ends with it. Called under the node's gate.</summary>
internal interface IUnitBody
{
    /// <summary>The unit's cgroup on the host, such as <c>/qm.service</c>.</summary>
    string Cgroup { get; }

    /// <summary>Whether it stops in the three states of a unit with ExecStop and ExecStopPost, as a container does.</summary>
    bool IsContainer { get; }

    /// <summary>Whether SIGTERM goes unheard, so that it is killed after a while and its unit passes through <c>failed</c>.</summary>
    bool IgnoresSigterm { get; }

    /// <summary>Creates cgroup and processes. Answers the main process, or null when it cannot start.</summary>
    int? Start(LoadedUnit loaded, ResourceControl limits);

    /// <summary>Ends what other nodes can see of it, as soon as it is told to stop.</summary>
    void Leave();

    /// <summary>Removes processes and cgroup.</summary>
    void Stop();
}

using System.Security.Cryptography;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>A container inside QM, started by its quadlet: podman's monitor with QM's score beside the payload with the container's own.</summary>
/// <param name="qm">The QM it runs in.</param>
/// <param name="unit">Its unit inside QM.</param>
internal sealed class WorkloadBody(QmInstance qm, string unit) : IUnitBody
{
    private LoadedUnit? _running;

    public string Cgroup { get; } = $"{qm.Payload}/system.slice/{unit}";

    public bool IsContainer => true;

    /// <summary>The container's own cgroup; null while it does not run.</summary>
    public string? Payload { get; private set; }

    /// <summary>A first process without a handler for SIGTERM, such as <c>sleep</c>, does not hear it.</summary>
    public bool IgnoresSigterm => _running?.Setting("X-Container", "Exec") is { } command && Path.GetFileName(command.Split(' ')[0]) == "sleep";

    /// <summary>Whether it runs.</summary>
    public bool IsRunning => _running is not null;

    public int? Start(LoadedUnit loaded, ResourceControl limits)
    {
        var monitorScore = Math.Max(qm.OomScoreAdjust, loaded.OomScoreAdjust);
        var score = ScoreOption(loaded) ?? qm.NestedOomScoreDefault() ?? monitorScore;
        if (score < qm.OomScoreAdjust)
        {
            // Going below what QM has needs CAP_SYS_RESOURCE, which QM drops: crun cannot write the score and the container does not start.
            return null;
        }

        var kernel = qm.Node.Kernel;
        kernel.CreateCgroup(Cgroup, limits);
        var monitor = kernel.Spawn($"{Cgroup}/runtime", "conmon", monitorScore, qm.NextPid());
        var payload = $"{Cgroup}/libpod-payload-{RandomNumberGenerator.GetHexString(64, lowercase: true)}";
        kernel.Spawn(payload, Path.GetFileNameWithoutExtension(unit), score, qm.NextPid(), 1);
        kernel.WriteCgroup(payload, "memory.oom.group", "1");
        kernel.WriteCgroup(payload, "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0");
        (_running, Payload) = (loaded, payload);
        return monitor;
    }

    public void Leave()
    {
    }

    public void Stop()
    {
        qm.Node.Kernel.RemoveCgroup(Cgroup);
        (_running, Payload) = (null, null);
    }

    private static int? ScoreOption(LoadedUnit loaded)
    {
        const string Option = "--oom-score-adj";
        var words = loaded.Settings("X-Container", "PodmanArgs").SelectMany(line => line.Split([' ', '='], StringSplitOptions.RemoveEmptyEntries)).ToArray();
        var at = Array.LastIndexOf(words, Option);
        return at >= 0 && at + 1 < words.Length && int.TryParse(words[at + 1], out var score) ? score : null;
    }
}

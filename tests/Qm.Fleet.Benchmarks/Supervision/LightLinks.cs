using System.Collections.Immutable;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.V1;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>Agent extensions that are all connected, have the fleet's revision, and answer at once, out of memory.</summary>
internal sealed class LightLinks : IAgentLinks
{
    private readonly DateTimeOffset _since = DateTimeOffset.UtcNow;
    private ImmutableDictionary<string, AgentReport> _reports = ImmutableDictionary<string, AgentReport>.Empty;

    // Nothing changes, and nothing is measured.
    public event Action<string>? Changed
    {
        add { }
        remove { }
    }

    public event Action<string>? Measured
    {
        add { }
        remove { }
    }

    /// <summary>What the nodes have from now on.</summary>
    internal void Have(string revision, FleetEnvironment environment, IEnumerable<string> nodes) =>
        _reports = nodes.ToImmutableDictionary(node => node, node => new AgentReport(Report(RevisionRenderer.Render(revision, environment, node)), _since, "boot"), StringComparer.Ordinal);

    public AgentReport? LastReport(string node) => _reports.GetValueOrDefault(node);

    public AgentPulse? Pulse(string node) => new(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow);

    public AgentUsage? Usage(string node) => null;

    public IReadOnlyDictionary<string, ProbeReading> Probes(string node) => ImmutableDictionary<string, ProbeReading>.Empty;

    public bool IsConnected(string node) => _reports.ContainsKey(node);

    public DateTimeOffset? Since(string node) => _since;

    public async Task<CommandResult> SendAsync(string node, Command command, TimeSpan deadline, CancellationToken ct)
    {
        // An answer over a link never comes before the one who asks waits for it.
        await Task.Yield();
        return new() { Ok = true };
    }

    private static NodeReport Report(RenderedRevision revision)
    {
        var oom = revision.Environment.Oom;
        var report = new NodeReport
        {
            StagedRevision = revision.Name,
            Revision = revision.Name,
            Confirmed = true,
            Machine = new() { MemoryBytes = 8L << 30, TasksMax = 32_768, BootId = "boot" },
            Oom = new() { Host = 0, Qm = oom.Qm ?? 0, QmInitPid = 1000, NestedDefault = oom.Nested ?? 0 },
        };
        report.Files.Add(revision.Files.Select(static file => new FileState { Kind = (OwnedFile.Types.Kind)file.Id.Kind, Name = file.Id.Name, Path = file.Id.UsualPath, Sha256 = file.Sha256 }));
        return report;
    }
}

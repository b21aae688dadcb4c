using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api;

/// <summary>What nodes use now, as last heard. What was not heard of lately is unknown since then, whatever it was before.</summary>
internal sealed class TopRounds(
    NodeStore nodes, FleetStore fleets, LiveNodes live, IAgentLinks agents, IOptions<ControllerOptions> options, TimeProvider time)
{
    /// <summary>Most cgroups in a part of a round; a node by itself may have as many as it has.</summary>
    public const int MaxCgroups = 1000;

    private const string UnitSuffix = ".service";
    private const int MaxWorkloadLength = 255;
    private const int MissedReadings = 3;
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(1), LongestInterval = TimeSpan.FromHours(1);

    private readonly NodeStore _nodes = nodes;
    private readonly TimeProvider _time = time;
    private readonly DateTimeOffset _started = time.GetUtcNow();

    /// <summary>The rounds that a request asks for.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="view">Which nodes the caller may see.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with everything that is wrong with it; NOT_FOUND for a node or fleet that is not there.</exception>
    public Rounds Of(V1.WatchTopRequest request, AccessView view)
    {
        var problems = new List<Problem>();
        var interval = RequestTimes.Span("interval", request.Interval, ShortestInterval, LongestInterval, problems);
        if (!LabelSelector.TryParse(request.Selector, out var selector, out var found))
        {
            problems.AddRange(found.Select(static problem => new Problem("selector", problem)));
        }
        if (request.Workload.Length > MaxWorkloadLength)
        {
            problems.Add(new("workload", $"{request.Workload.Length} characters are more than {MaxWorkloadLength}"));
        }
        if (problems.Count > 0 || selector is null)
        {
            throw Failures.Invalid(problems);
        }
        if (request.Node.Length > 0 && _nodes.Find(request.Node) is null)
        {
            throw Failures.NotFound("node", request.Node);
        }
        if (request.Fleet.Length > 0 && fleets.Find(request.Fleet) is null)
        {
            throw Failures.NotFound("fleet", request.Fleet);
        }
        return new(this, request, selector, interval, view);
    }

    private string FleetOf(string node) => live.Find(node)?.Assignment.Fleet?.Shown ?? "";

    private V1.NodeTop? Of(string name, V1.WatchTopRequest request)
    {
        var (node, usage) = (live.Find(name), agents.Usage(name));
        var fleet = node?.Assignment.Fleet;
        if (request.Fleet.Length > 0 && fleet?.Name != request.Fleet)
        {
            return null;
        }
        var workload = request.Workload.EndsWith(UnitSuffix, StringComparison.Ordinal) ? request.Workload[..^UnitSuffix.Length] : request.Workload;
        var isWanted = fleet?.Environment.Workloads.Any(candidate => candidate.Name == workload) == true;
        var containers = (usage?.Usage.Nested ?? []).Where(container => workload.Length == 0 ? request.Containers : container.Unit == workload + UnitSuffix).ToArray();
        if (workload.Length > 0 && !isWanted && containers.Length == 0)
        {
            return null;
        }

        var top = new V1.NodeTop { Node = name, Fleet = fleet?.Shown ?? "", Capacity = node?.Capacity is { } capacity ? Capacities.ToWire(capacity) : null };
        if (Unknown(name, usage) is { } unknown)
        {
            (top.UnknownSince, top.UnknownBecause) = (unknown.Since.ToTimestamp(), unknown.Because);
            return top;
        }

        (top.ReadAt, top.LeftOut) = (usage!.ReadAt.ToTimestamp(), usage.Usage.LeftOut);
        top.Units.AddRange(workload.Length == 0 && usage.Usage.Qm is { } qm ? containers.Prepend(qm) : containers);
        top.Problems.AddRange(usage.Usage.Problems);
        if (usage.Usage.Qm is null)
        {
            top.Problems.Add("QM does not run.");
        }
        else if (workload.Length > 0 && containers.Length == 0)
        {
            top.Problems.Add($"The workload {workload} does not run.");
        }
        return top;
    }

    private (DateTimeOffset Since, string Because)? Unknown(string name, AgentUsage? usage)
    {
        var (interval, now) = (options.Value.UsageInterval, _time.GetUtcNow());
        return !agents.IsConnected(name)
                ? (agents.Pulse(name)?.HeardAt ?? _started, agents.Pulse(name) is null ? "its agent extension was not heard since the controller started" : "its agent extension is not connected")
            : interval == TimeSpan.Zero ? (agents.Since(name) ?? _started, "the controller asks for no usage, because of --usage-interval 0")
            // What was told over an earlier link may be of another boot.
            : usage is null || usage.ReceivedAt < agents.Since(name) ? (agents.Since(name) ?? _started, "its agent extension has told no usage since it is connected")
            : now - usage.ReadAt > (interval * MissedReadings) + options.Value.ReportInterval ? (usage.ReadAt, "its agent extension is heard, and reads no usage")
            : null;
    }

    /// <summary>The rounds of one request.</summary>
    public sealed class Rounds
    {
        private readonly TopRounds _top;
        private readonly V1.WatchTopRequest _request;
        private readonly LabelSelector _selector;
        private readonly TimeSpan _interval;
        private readonly AccessView _view;

        internal Rounds(TopRounds top, V1.WatchTopRequest request, LabelSelector selector, TimeSpan interval, AccessView view) =>
            (_top, _request, _selector, _interval, _view) = (top, request, selector, interval, view);

        /// <summary>The parts of one round, the last one complete.</summary>
        public IEnumerable<V1.Top> Next()
        {
            var (part, cgroups) = (new V1.Top { At = _top._time.GetUtcNow().ToTimestamp() }, 0);
            foreach (var node in Stored().Where(node => _selector.Matches(node.Labels) && _view.Sees(node, _top.FleetOf(node.Name))).Select(node => _top.Of(node.Name, _request)).OfType<V1.NodeTop>())
            {
                var count = Math.Max(node.Units.Count, 1);
                if (part.Nodes.Count > 0 && cgroups + count > MaxCgroups)
                {
                    yield return part;
                    (part, cgroups) = (new V1.Top { At = part.At }, 0);
                }
                part.Nodes.Add(node);
                cgroups += count;
            }
            part.Complete = true;
            yield return part;
        }

        /// <summary>Waits for the next round.</summary>
        /// <returns>Whether there is one.</returns>
        public async Task<bool> PauseAsync(CancellationToken ct)
        {
            if (_interval == TimeSpan.Zero)
            {
                return false;
            }
            await Task.Delay(_interval, _top._time, ct).ConfigureAwait(false);
            return true;
        }

        private IEnumerable<StoredNode> Stored() => _request.Node.Length > 0
            ? _top._nodes.Find(_request.Node) is { } node ? [node] : []
            : Pages.All("", _top._nodes.After, static node => node.Name);
    }
}

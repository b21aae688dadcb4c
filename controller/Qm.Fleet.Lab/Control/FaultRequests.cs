using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Lab.Agents;
using Qm.Fleet.Lab.V1;

namespace Qm.Fleet.Lab.Control;

/// <summary>Finds everything that is wrong with a request for a fault before anything is done.</summary>
internal static partial class FaultRequests
{
    private const string QmPrefix = "qm.";
    private const int MaxRate = 100_000;
    private const int MaxTimes = 1_000_000;
    private const int MaxErrorName = 255;
    private const int MostNames = 10;
    private const int MaxNodes = 1000;
    private const int MaxScore = 1000;
    private const string AllHosts = "all";
    private static readonly TimeSpan MaxSpan = TimeSpan.FromDays(1);
    private static readonly TimeSpan MinFlap = TimeSpan.FromMilliseconds(100);

    /// <summary>Problems with the request beside its node's name, as field and sentence; empty when it can be carried out.</summary>
    public static IReadOnlyList<(string Field, string Problem)> Problems(InjectRequest request) => [.. Find(request).OfType<(string, string)>()];

    /// <summary>What is wrong with a node's name, or null.</summary>
    public static string? NodeProblem(string node, IReadOnlyList<string> known) => known.Contains(node)
        ? null
        : $"\"{node}\": the lab has no such node; it has {string.Join(", ", known.Take(MostNames))}{(known.Count > MostNames ? string.Create(CultureInfo.InvariantCulture, $" and {known.Count - MostNames} more") : "")}";

    /// <summary>What is wrong with the way in which nodes are named; their names are checked one by one.</summary>
    public static string? NodesProblem(InjectRequest request) => request switch
    {
        { Nodes.Count: 0 } => null,
        { FaultCase: InjectRequest.FaultOneofCase.RestartBluechi } => "bluechi-controller is restarted, which is on none of them",
        { Node.Length: > 0 } => $"{request.Node} is named as node, too",
        { Nodes.Count: > MaxNodes } => string.Create(CultureInfo.InvariantCulture, $"{request.Nodes.Count} are named, at most {MaxNodes} can be"),
        _ when request.Nodes.Distinct(StringComparer.Ordinal).Count() < request.Nodes.Count => "one is named twice",
        _ => null,
    };

    /// <summary>The same fault for each of the nodes that are named, or of all hosts.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="known">The nodes there are.</param>
    public static IReadOnlyList<InjectRequest> OfEachNode(InjectRequest request, IReadOnlyList<string> known)
    {
        var named = request.Nodes is [AllHosts] ? known.Where(node => !node.StartsWith(QmPrefix, StringComparison.Ordinal)) : request.Nodes;
        return request.Nodes.Count == 0 ? [request] : [.. named.Select(node =>
        {
            var one = request.Clone();
            one.Nodes.Clear();
            one.Node = node;
            return one;
        })];
    }

    /// <summary>The whole name of a D-Bus error.</summary>
    public static string ErrorName(string error) => error.Contains('.', StringComparison.Ordinal) ? error : $"org.freedesktop.DBus.Error.{error}";

    private static IEnumerable<(string, string)?> Find(InjectRequest request) => request.FaultCase switch
    {
        InjectRequest.FaultOneofCase.None => [("fault", "none is named")],
        InjectRequest.FaultOneofCase.Delay => [Span("delay.by", request.Delay.By)],
        InjectRequest.FaultOneofCase.Flood =>
        [
            request.Flood.Rate is >= 1 and <= MaxRate ? null : ("flood.rate", string.Create(CultureInfo.InvariantCulture, $"{request.Flood.Rate} is not between 1 and {MaxRate} signals per second")),
            request.Flood.Duration is null ? null : Span("flood.duration", request.Flood.Duration),
        ],
        InjectRequest.FaultOneofCase.Refuse =>
        [
            ErrorName(request.Refuse.Error) is { Length: <= MaxErrorName } name && DBusName().IsMatch(name)
                ? null : ("refuse.error", $"\"{request.Refuse.Error}\" is not a D-Bus error name, such as org.freedesktop.DBus.Error.AccessDenied or AccessDenied for short"),
            request.Refuse.Unit.Length == 0 ? null : Unit("refuse.unit", request.Refuse.Unit),
            request.Refuse.Method.Length == 0 || AgentMethods.All.ContainsKey(request.Refuse.Method)
                ? null : ("refuse.method", $"\"{request.Refuse.Method}\" is not a method of a BlueChi node; known are {string.Join(", ", AgentMethods.All.Keys.Order(StringComparer.Ordinal))}"),
        ],
        InjectRequest.FaultOneofCase.Slow => [Unit("slow.unit", request.Slow.Unit), Span("slow.by", request.Slow.By)],
        InjectRequest.FaultOneofCase.FailStart =>
        [
            Unit("fail_start.unit", request.FailStart.Unit),
            request.FailStart.Times is >= 1 and <= MaxTimes ? null : ("fail_start.times", string.Create(CultureInfo.InvariantCulture, $"{request.FailStart.Times} is not between 1 and {MaxTimes}")),
        ],
        InjectRequest.FaultOneofCase.CrashLoop => [request.CrashLoop.Name.Length == 0 ? null : Workload("crash_loop.name", request.CrashLoop.Name)],
        InjectRequest.FaultOneofCase.Flap =>
        [
            request.Flap.Every?.ToTimeSpan() is { } every && every >= MinFlap && every <= MaxSpan ? null : ("flap.every", "expected a time from 100 ms to 24 h"),
        ],
        InjectRequest.FaultOneofCase.SetOomScore =>
        [
            Workload("set_oom_score.name", request.SetOomScore.Name),
            request.SetOomScore.Score is >= -MaxScore and <= MaxScore
                ? null : ("set_oom_score.score", string.Create(CultureInfo.InvariantCulture, $"{request.SetOomScore.Score} is not between {-MaxScore} and {MaxScore}")),
        ],
        InjectRequest.FaultOneofCase.Reboot when request.Node.StartsWith(QmPrefix, StringComparison.Ordinal) =>
            [("node", $"{request.Node}: a QM does not boot by itself; reboot {request.Node[QmPrefix.Length..]}, or crash-qm")],
        InjectRequest.FaultOneofCase.KillExtension or InjectRequest.FaultOneofCase.CutCable or InjectRequest.FaultOneofCase.FillDisk when request.Node.StartsWith(QmPrefix, StringComparison.Ordinal) =>
            [("node", $"{request.Node}: that is of the whole ECU; expected {request.Node[QmPrefix.Length..]}")],
        InjectRequest.FaultOneofCase.OutOfMemory =>
        [
            request.OutOfMemory.WhereCase == OutOfMemory.WhereOneofCase.None ? ("out_of_memory", "expected nested with a workload's name, qm or host") : null,
            request.OutOfMemory.WhereCase == OutOfMemory.WhereOneofCase.Nested ? Workload("out_of_memory.nested", request.OutOfMemory.Nested) : null,
        ],
        InjectRequest.FaultOneofCase.RestartBluechi => [request.RestartBluechi.Down is null ? null : Span("restart_bluechi.down", request.RestartBluechi.Down)],
        _ => [],
    };

    private static (string, string)? Span(string field, Duration? span) => span?.ToTimeSpan() is { } given && given > TimeSpan.Zero && given <= MaxSpan
        ? null
        : (field, "expected a time above 0 and up to 24 h");

    private static (string, string)? Unit(string field, string unit) => UnitName().IsMatch(unit)
        ? null
        : (field, $"\"{unit}\" is not a unit name, such as {(Word().IsMatch(unit) ? unit : "radio")}.service");

    private static (string, string)? Workload(string field, string workload) => Word().IsMatch(workload) ? null : (field, $"\"{workload}\" is not a workload's name, such as radio");

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$")]
    private static partial Regex DBusName();

    [GeneratedRegex(@"^[A-Za-z0-9:_.\\@-]+\.(service|socket|target|timer|mount|slice|scope|path|device|swap|automount)$")]
    private static partial Regex UnitName();

    [GeneratedRegex(@"^[A-Za-z0-9:_\\@-]+$")]
    private static partial Regex Word();
}

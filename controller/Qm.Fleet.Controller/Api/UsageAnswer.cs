using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <summary>One question for what a node used over time, and the answer as it is put together from the node's pieces.</summary>
internal sealed class UsageAnswer
{
    private const int DefaultLimit = 500;
    private const int MaxLimit = 4096;
    private const int MaxUnitLength = 255;
    private const int MaxBytes = 3 * 1024 * 1024;
    private static readonly TimeSpan LongestStep = TimeSpan.FromHours(24);

    private readonly V1.GetUsageRequest _request;
    private readonly TimeProvider _time;
    private readonly (TimeSpan? From, TimeSpan? To, TimeSpan Step) _asked;
    private int _bytes;

    /// <param name="request">The question.</param>
    /// <param name="time">Times on the controller's clock become ages on the node's.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with everything that is wrong with it.</exception>
    public UsageAnswer(V1.GetUsageRequest request, TimeProvider time)
    {
        (_request, _time, Answer) = (request, time, new() { Node = request.Node });
        var (problems, now) = (new List<Problem>(), time.GetUtcNow());
        _asked = (
            RequestTimes.Ago("from", request.From, now, problems),
            RequestTimes.Ago("to", request.To, now, problems),
            RequestTimes.Span("step", request.Step, TimeSpan.FromSeconds(1), LongestStep, problems));
        if (_asked.From <= TimeSpan.Zero)
        {
            problems.Add(new("from", "it is not in the past"));
        }
        else if (_asked.From <= _asked.To)
        {
            problems.Add(new("from", "it is not before to"));
        }
        if (request.Limit is < 0 or > MaxLimit)
        {
            problems.Add(new("limit", string.Create(CultureInfo.InvariantCulture, $"{request.Limit} is not within 1 and {MaxLimit}; 0 means {DefaultLimit}")));
        }
        if (request.Unit.Length > MaxUnitLength)
        {
            problems.Add(new("unit", string.Create(CultureInfo.InvariantCulture, $"{request.Unit.Length} characters are more than {MaxUnitLength}")));
        }
        if (problems.Count > 0)
        {
            throw Failures.Invalid(problems);
        }
    }

    /// <summary>The answer, as far as it has come.</summary>
    public V1.GetUsageResponse Answer { get; }

    /// <summary>The question for the node.</summary>
    /// <param name="id">Names it on the link.</param>
    public V1.ReadUsage Ask(string id) => new()
    {
        Id = id,
        // What is younger than a millisecond is not everything.
        FromMsAgo = _asked.From is { } from ? Math.Max((long)from.TotalMilliseconds, 1) : 0,
        ToMsAgo = _asked.To is { } to && to > TimeSpan.Zero ? (long)to.TotalMilliseconds : 0,
        StepMs = (long)_asked.Step.TotalMilliseconds,
        Limit = _request.Limit == 0 ? DefaultLimit : _request.Limit,
        Unit = _request.Unit,
    };

    /// <summary>Takes a piece of what the node says.</summary>
    public Task TakeAsync(V1.Diagnostics piece)
    {
        if ((_bytes += piece.CalculateSize()) > MaxBytes)
        {
            throw Failures.Make(Code.DataLoss, "INCOMPLETE", $"{_request.Node} told more than {MaxBytes >> 20} MiB of usage, so nothing of it is shown. Ask for one unit, or a step.");
        }

        var readAt = (Answer.ReadAt ??= _time.GetUtcNow().ToTimestamp()).ToDateTimeOffset();
        foreach (var series in piece.Usage)
        {
            // One that did not fit into the piece before goes on in this one.
            if (Answer.Series is not [.., { } last] || last.Cgroup != series.Cgroup || series != piece.Usage[0])
            {
                Answer.Series.Add(last = new() { Unit = series.Unit, Cgroup = series.Cgroup });
            }
            foreach (var point in series.Points)
            {
                point.At = Before(readAt, point.AgoMs);
                last.Points.Add(point);
            }
        }
        if (piece.UsageIntervalMs > 0)
        {
            Answer.Interval = TimeSpan.FromMilliseconds(Math.Min(piece.UsageIntervalMs, (long)TimeSpan.FromHours(1).TotalMilliseconds)).ToDuration();
            Answer.OldestAt = piece.HasUsageOldestMsAgo ? Before(readAt, piece.UsageOldestMsAgo) : null;
        }
        return Task.CompletedTask;
    }

    // A node may say what it likes; it comes to be a time.
    private static Timestamp Before(DateTimeOffset now, long agoMs) =>
        (now - TimeSpan.FromMilliseconds(Math.Clamp(agoMs, 0, (long)TimeSpan.FromDays(366).TotalMilliseconds))).ToTimestamp();
}

using System.Globalization;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Controller.Api;

/// <summary>What people ask of a node's journal, as it is asked of the node.</summary>
internal static class LogRequests
{
    private const int DefaultLines = 100;
    private const int MostLines = 10_000;

    /// <summary>The request for the node, without its id.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with every problem.</exception>
    public static V1.ReadLogs Check(V1.GetLogsRequest request)
    {
        List<Problem> problems = [];
        if (request.Unit.Length > 0 && !UnitName.IsValid(request.Unit, out var problem))
        {
            problems.Add(new("unit", problem));
        }
        if (request.Lines is < 0 or > MostLines)
        {
            problems.Add(new("lines", string.Create(CultureInfo.InvariantCulture, $"{request.Lines} is not within 1 and {MostLines}; 0 means {DefaultLines}")));
        }
        var since = 0L;
        try
        {
            since = Math.Max(0, request.Since?.ToDateTimeOffset().ToUnixTimeMilliseconds() ?? 0);
        }
        catch (InvalidOperationException)
        {
            problems.Add(new("since", "it is not a time between the years 1 and 9999"));
        }
        return problems.Count > 0 ? throw Failures.Invalid(problems) : new V1.ReadLogs
        {
            Unit = request.Unit,
            InQm = request.InQm,
            SinceUnixMs = since,
            Lines = request.Lines == 0 ? DefaultLines : request.Lines,
        };
    }
}

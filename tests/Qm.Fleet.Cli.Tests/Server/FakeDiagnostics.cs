using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A DiagnosticsService that answers what a test put in.</summary>
internal sealed class FakeDiagnostics : DiagnosticsService.DiagnosticsServiceBase
{
    public List<CheckResult> Checks { get; } = [];

    public List<RunChecksRequest> Runs { get; } = [];

    public List<string> Chunks { get; } = [];

    public GetEffectiveResponse Effective { get; } = new();

    public List<LogEntry> Logs { get; } = [];

    public List<GetLogsRequest> LogRequests { get; } = [];

    public override async Task GetLogs(GetLogsRequest request, IServerStreamWriter<LogEntry> responseStream, ServerCallContext context)
    {
        LogRequests.Add(request);
        foreach (var entry in Logs)
        {
            await responseStream.WriteAsync(entry);
        }

        Finish();
    }

    public GetUsageResponse Usage { get; } = new();

    public List<GetUsageRequest> UsageAsked { get; } = [];

    public List<Top> Rounds { get; } = [];

    public List<WatchTopRequest> TopAsked { get; } = [];

    /// <summary>Ends every stream; null for well.</summary>
    public Status? End { get; set; }

    public override Task<GetChecksResponse> GetChecks(GetChecksRequest request, ServerCallContext context) =>
        Task.FromResult(new GetChecksResponse { Node = request.Node, ReportedAt = CliTest.Now.ToTimestamp(), Results = { Checks } });

    public override async Task RunChecks(RunChecksRequest request, IServerStreamWriter<CheckResult> responseStream, ServerCallContext context)
    {
        Runs.Add(request);
        foreach (var check in Checks)
        {
            await responseStream.WriteAsync(check);
        }

        Finish();
    }

    public override async Task CollectBundle(CollectBundleRequest request, IServerStreamWriter<BundleChunk> responseStream, ServerCallContext context)
    {
        foreach (var chunk in Chunks)
        {
            await responseStream.WriteAsync(new BundleChunk { Data = ByteString.CopyFromUtf8(chunk) });
        }

        Finish();
    }

    public override Task<GetEffectiveResponse> GetEffective(GetEffectiveRequest request, ServerCallContext context)
    {
        var answer = Effective.Clone();
        answer.Node = request.Node;
        answer.Settings.Clear();
        answer.Settings.AddRange(Effective.Settings.Where(setting => request.Key.Length == 0 || setting.Key == request.Key));
        return Task.FromResult(answer);
    }

    public override Task<GetUsageResponse> GetUsage(GetUsageRequest request, ServerCallContext context)
    {
        UsageAsked.Add(request);
        return Task.FromResult(Usage);
    }

    public override async Task WatchTop(WatchTopRequest request, IServerStreamWriter<Top> responseStream, ServerCallContext context)
    {
        TopAsked.Add(request);
        foreach (var part in Rounds)
        {
            await responseStream.WriteAsync(part);
        }

        Finish();
    }

    private void Finish()
    {
        if (End is { } end)
        {
            throw new RpcException(end);
        }
    }
}

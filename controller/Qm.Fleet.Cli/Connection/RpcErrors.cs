using Google.Rpc;
using Grpc.Core;

namespace Qm.Fleet.Cli.Connection;

/// <summary>Turns the server's errors into exit codes and a line or two for a person.</summary>
internal static class RpcErrors
{
    internal static (int Code, string Message) Explain(RpcException error, string server) => error.StatusCode switch
    {
        _ when IsLost(error) => (ExitCode.Unreachable,
            $"{server} cannot be reached: {Deepest(error)}\nIs qm-fleet-controller running? Another server is named with --server or QMFLEET_SERVER."),
        StatusCode.NotFound => (ExitCode.NotFound, error.Status.Detail),
        StatusCode.InvalidArgument or StatusCode.OutOfRange => (ExitCode.Invalid, Join(error)),
        StatusCode.AlreadyExists or StatusCode.PermissionDenied or StatusCode.Unauthenticated or StatusCode.FailedPrecondition or StatusCode.Aborted or StatusCode.ResourceExhausted =>
            (ExitCode.Refused, $"refused: {error.Status.Detail}"),
        StatusCode.DeadlineExceeded => (ExitCode.TimedOut, $"{server} did not answer in time; --timeout gives it longer"),
        StatusCode.Unimplemented => (ExitCode.Failed, $"{server} does not know this; is the controller older than this qmfleet? Compare with: qmfleet version"),
        _ => (ExitCode.Failed, $"{error.StatusCode}: {error.Status.Detail}"),
    };

    /// <summary>Whether the server was not there, or not any more; what it said itself is not this.</summary>
    internal static bool IsLost(RpcException error) => error.StatusCode == StatusCode.Unavailable || error.Status.DebugException is HttpRequestException or IOException;

    /// <summary>Whether a stream that broke so can be asked for again: the server was away, or found us slow.</summary>
    internal static bool CanBeTakenUpAgain(RpcException error) => IsLost(error) || error.StatusCode == StatusCode.ResourceExhausted;

    /// <summary>The fields the server objects to; empty when it names none.</summary>
    internal static IReadOnlyList<BadRequest.Types.FieldViolation> Violations(RpcException error) =>
        error.GetRpcStatus()?.GetDetail<BadRequest>() is { } bad ? bad.FieldViolations : [];

    private static string Join(RpcException error)
    {
        var violations = Violations(error);
        return violations.Count == 0 ? error.Status.Detail : string.Join('\n', violations.Select(violation => $"{violation.Field}: {violation.Description}"));
    }

    /// <summary>What went wrong below gRPC, in the words of what failed first.</summary>
    internal static string Deepest(RpcException error)
    {
        var inner = error.Status.DebugException;
        while (inner?.InnerException is { } deeper)
        {
            inner = deeper;
        }

        return inner?.Message ?? error.Status.Detail;
    }
}

using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <summary>The API's errors, each with details that a program can read.</summary>
internal static class Errors
{
    private const string Domain = "qm.fleet";

    /// <summary>Everything that is wrong with a request.</summary>
    internal static RpcException Invalid(IReadOnlyList<(string Field, Problem Problem)> problems)
    {
        var bad = new BadRequest();
        foreach (var (field, problem) in problems)
        {
            var description = problem.Rule is null ? problem.Message : $"{problem.Message} ({problem.Rule})";
            bad.FieldViolations.Add(new BadRequest.Types.FieldViolation { Field = $"{field}.{problem.Path}".Trim('.'), Description = description });
        }

        var (first, more) = (bad.FieldViolations[0], bad.FieldViolations.Count - 1);
        return Make(Code.InvalidArgument, "INVALID_INPUT", $"{first.Field}: {first.Description}{(more > 0 ? $" (and {more} more)" : "")}", bad);
    }

    internal static RpcException Invalid(string field, string message) => Invalid([(field, new("", message))]);

    internal static RpcException NotFound(string kind, string name) => Make(
        Code.NotFound, "NOT_FOUND", $"{kind} {name} not found", new ResourceInfo { ResourceType = $"{Domain}.v1.{kind}", ResourceName = name });

    internal static RpcException TooSlow(string resume) => Make(Code.ResourceExhausted, "SLOW_READER", $"the watch was read too slowly; {resume}");

    internal static RpcException Unavailable(string message) => Make(
        Code.Unavailable, "STORE_BUSY", message, new RetryInfo { RetryDelay = Duration.FromTimeSpan(TimeSpan.FromSeconds(1)) });

    internal static RpcException Internal(string message) => Make(Code.Internal, "STORE_FAILED", message);

    private static RpcException Make(Code code, string reason, string message, params Google.Protobuf.IMessage[] details)
    {
        var status = new Google.Rpc.Status { Code = (int)code, Message = message, Details = { Any.Pack(new ErrorInfo { Domain = Domain, Reason = reason }) } };
        status.Details.AddRange(details.Select(Any.Pack));
        return status.ToRpcException();
    }
}

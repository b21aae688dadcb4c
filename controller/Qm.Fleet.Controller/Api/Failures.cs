using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <summary>What the API answers when it does not do what was asked: always a status, a sentence and details a program can read.</summary>
internal static class Failures
{
    private const string Domain = "qm.fleet";

    /// <summary>Details travel in a header, and clients bound those: 64 KiB in .NET, 16 KiB in some; the rest is counted in the sentence.</summary>
    private const int MaxDetailBytes = 12 * 1024;

    /// <summary>The input is wrong; nothing was stored.</summary>
    /// <param name="problems">All of them, with paths from the request: <c>fleets[0].spec.selector</c>.</param>
    public static RpcException Invalid(IReadOnlyList<Problem> problems)
    {
        var details = new BadRequest();
        foreach (var problem in problems)
        {
            var description = problem.Rule is null ? problem.Message : $"{problem.Message} ({problem.Rule})";
            details.FieldViolations.Add(new BadRequest.Types.FieldViolation { Field = problem.Path, Description = description });
            if (details.CalculateSize() > MaxDetailBytes && details.FieldViolations.Count > 1)
            {
                details.FieldViolations.RemoveAt(details.FieldViolations.Count - 1);
                break;
            }
        }
        var untold = problems.Count - details.FieldViolations.Count;
        var sentence = $"{problems.Count} problem{(problems.Count == 1 ? "" : "s")}, nothing was stored"
            + (untold > 0 ? $" (the first {details.FieldViolations.Count} are told)" : "") + $". {problems[0]}";
        return Make(Code.InvalidArgument, "INVALID", sentence, details);
    }

    /// <summary>One field of the request is wrong.</summary>
    public static RpcException Invalid(string field, string message) => Invalid([new Problem(field, message)]);

    /// <summary>There is no such resource.</summary>
    /// <param name="kind">Its kind in lower case, such as fleet.</param>
    /// <param name="name">Its name.</param>
    public static RpcException NotFound(string kind, string name) => Make(
        Code.NotFound, "NOT_FOUND", $"There is no {kind} \"{name}\".",
        new ResourceInfo { ResourceType = $"qm.fleet/v1/{kind}", ResourceName = name });

    /// <summary>It cannot be done as things are.</summary>
    public static RpcException Precondition(string message) => Make(Code.FailedPrecondition, "NOT_POSSIBLE_NOW", message);

    /// <summary>A watcher did not read what it was sent.</summary>
    /// <param name="resume">How it goes on.</param>
    /// <param name="token">Where; empty where there is no such place.</param>
    public static RpcException TooSlow(string resume, string token = "") =>
        Make(Code.ResourceExhausted, "TOO_SLOW", $"The client reads too slowly, so the stream was ended. {resume}", token.Length == 0 ? [] : [("resume_token", token)]);

    /// <summary>A watch cannot go on from where the client wants it to.</summary>
    /// <param name="why">A sentence.</param>
    public static RpcException TooOld(string why) =>
        Make(Code.OutOfRange, "TOO_OLD", $"{why} Watch again without a resume token, and take what you then get for all there is.");

    /// <summary>The store or the daemon could not do it.</summary>
    public static RpcException Make(Code code, string reason, string message, params ReadOnlySpan<IMessage> details) => Make(code, reason, message, [], details);

    private static RpcException Make(Code code, string reason, string message, (string Key, string Value)[] metadata, params ReadOnlySpan<IMessage> details)
    {
        var status = new Google.Rpc.Status { Code = (int)code, Message = message };
        var info = new ErrorInfo { Reason = reason, Domain = Domain };
        foreach (var (key, value) in metadata)
        {
            info.Metadata.Add(key, value);
        }
        status.Details.Add(Any.Pack(info));
        foreach (var detail in details)
        {
            status.Details.Add(Any.Pack(detail));
        }
        return status.ToRpcException();
    }
}

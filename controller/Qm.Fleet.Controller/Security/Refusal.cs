using System.Globalization;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Rest;

namespace Qm.Fleet.Controller.Security;

/// <summary>Answers a request that never reaches its method: to gRPC as a status in headers, to everybody else as google.rpc.Status in JSON.</summary>
internal static class Refusal
{
    private const string Grpc = "application/grpc";

    /// <summary>Answers.</summary>
    /// <param name="context">The request.</param>
    /// <param name="failure">What to answer, as a method would throw it.</param>
    /// <param name="httpStatus">The HTTP status for those who do not speak gRPC; null for the one of the status.</param>
    public static Task AnswerAsync(HttpContext context, RpcException failure, int? httpStatus = null)
    {
        var status = failure.GetRpcStatus() ?? new Google.Rpc.Status { Code = (int)failure.StatusCode, Message = failure.Status.Detail };
        var response = context.Response;
        if (context.Request.ContentType?.StartsWith(Grpc, StringComparison.Ordinal) is true)
        {
            response.ContentType = Grpc;
            response.Headers["grpc-status"] = status.Code.ToString(CultureInfo.InvariantCulture);
            response.Headers["grpc-message"] = Uri.EscapeDataString(status.Message);
            response.Headers["grpc-status-details-bin"] = Convert.ToBase64String(status.ToByteArray());
            return Task.CompletedTask;
        }
        if (status.GetDetail<RetryInfo>() is { RetryDelay: { } delay })
        {
            response.Headers.RetryAfter = Math.Ceiling(Math.Max(1, delay.ToTimeSpan().TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }
        response.StatusCode = httpStatus ?? HttpStatus.Of((Code)status.Code);
        response.ContentType = StatusJson.MediaType;
        return response.WriteAsync(StatusJson.Format(status), context.RequestAborted);
    }
}

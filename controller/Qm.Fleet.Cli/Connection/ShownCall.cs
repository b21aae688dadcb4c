using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.Core.Text;
using Qm.Fleet.Shared;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Connection;

/// <summary>What -v shows of one call on stderr, a line each: what was asked, what was answered, the details of a refusal, and how it ended and after how long.</summary>
/// <remarks>Messages are protobuf's JSON of at most 2,000 characters, with "..." where more were; secrets are left out.</remarks>
/// <param name="context">Where to show, and the time.</param>
/// <param name="method">What is called.</param>
internal sealed class ShownCall(CliContext context, IMethod method)
{
    private const int Most = 2000;

    // What the server puts into details: what google.rpc has for it, and a resource as it is now.
    private static readonly Lazy<TypeRegistry> Types = new(static () => TypeRegistry.FromFiles(ErrorDetailsReflection.Descriptor, ResourcesReflection.Descriptor));

    private readonly long _started = context.Time.GetTimestamp();
    private bool _ended;

    /// <summary>Something was sent.</summary>
    internal void Asked(object message) => Write('>', Json((IMessage)message));

    /// <summary>Something came back.</summary>
    internal void Answered(object message) => Write('<', Json((IMessage)message));

    /// <summary>It failed or was refused.</summary>
    internal void Failed(RpcException error)
    {
        if (!_ended)
        {
            foreach (var detail in error.Trailers.GetRpcStatus(ignoreParseError: true)?.Details ?? [])
            {
                Write('<', $"{Any.GetTypeName(detail.TypeUrl)} {Json(Unpacked(detail))}");
            }

            Ended(error.StatusCode, Redactor.RedactSentence(error.Status.Detail));
        }
    }

    /// <summary>It ended; only the first end counts.</summary>
    internal void Ended(StatusCode end, string why = "")
    {
        if (!_ended)
        {
            _ended = true;
            var took = FormattableString.Invariant($"{context.Time.GetElapsedTime(_started).TotalMilliseconds:0} ms");
            context.Error.WriteLine(ShownText.Of($"{method.FullName}  {end}  {took}{(why.Length > 0 ? "  " : "")}{why}", Most));
        }
    }

    private void Write(char direction, string what) => context.Error.WriteLine($"{direction} {method.FullName}  {ShownText.Of(what, Most)}");

    // What is not known, or not what it says, is shown as it came.
    private static IMessage Unpacked(Any detail)
    {
        try
        {
            return Types.Value.Find(Any.GetTypeName(detail.TypeUrl))?.Parser.ParseFrom(detail.Value) ?? detail;
        }
        catch (InvalidProtocolBufferException)
        {
            return detail;
        }
    }

    // Whatever a server sends can be shown so, also what is no valid JSON of a time or a mask.
    private static string Json(IMessage message) => JsonFormatter.ToDiagnosticString(RedactedMessage.Of(message));
}

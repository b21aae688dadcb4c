using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Controller.Api;

/// <summary>What the API answers when it does not do what was asked: always a status, a sentence and details a program can read.</summary>
internal static class Failures
{
    private const string Domain = "qm.fleet";

    /// <summary>Details travel in a header, and clients bound those: 64 KiB in .NET, 16 KiB in some; the rest is counted in the sentence.</summary>
    private const int MaxDetailBytes = 12 * 1024;

    // What a client sent is quoted, and may be as long as a request.
    private const int MaxSentence = 2048;
    private const int MaxQuoted = 512;

    private static readonly Dictionary<string, string> NoFacts = [];

    /// <summary>When what failed for want of room or of a part of the controller is worth asking again.</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    /// <summary>The input is wrong; nothing was stored.</summary>
    /// <param name="problems">All of them, with paths from the request: <c>fleets[0].spec.selector</c>.</param>
    public static RpcException Invalid(IReadOnlyList<Problem> problems)
    {
        var details = new BadRequest();
        foreach (var problem in problems)
        {
            var description = problem.Rule is null ? problem.Message : $"{problem.Message} ({problem.Rule})";
            details.FieldViolations.Add(new BadRequest.Types.FieldViolation { Field = Short(problem.Path, MaxQuoted), Description = Redactor.RedactSentence(Short(description, MaxSentence)) });
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
        Code.NotFound, "NOT_FOUND", $"There is no {kind} \"{name}\".", Facts(kind, name),
        new ResourceInfo { ResourceType = $"qm.fleet/v1/{kind}", ResourceName = Short(name, MaxQuoted) });

    /// <summary>There is one already.</summary>
    /// <param name="kind">Its kind in lower case, such as fleet.</param>
    /// <param name="name">Its name.</param>
    /// <param name="advice">What to do instead, a sentence.</param>
    public static RpcException Exists(string kind, string name, string advice) => Make(
        Code.AlreadyExists, "EXISTS", $"There is a {kind} \"{name}\" already. {advice}", Facts(kind, name),
        new ResourceInfo { ResourceType = $"qm.fleet/v1/{kind}", ResourceName = Short(name, MaxQuoted) });

    /// <summary>Something is no longer what the caller saw; nothing was stored.</summary>
    /// <param name="changed">All that is so; each is carried as it is now, as far as there is room for it.</param>
    public static RpcException Changed(IReadOnlyList<ChangedResource> changed)
    {
        var first = changed[0];
        var facts = new Dictionary<string, string>(Facts(first.Kind, first.Name))
        {
            ["generation"] = Text(first.Found),
            ["expected_generation"] = Text(first.Seen),
        };
        var (details, room) = (new List<IMessage>(), MaxDetailBytes - 1024);
        foreach (var one in changed)
        {
            details.Add(new ResourceInfo { ResourceType = $"qm.fleet/v1/{one.Kind}", ResourceName = one.Name, Description = $"generation {Text(one.Found)}, not {Text(one.Seen)}" });
            room -= details[^1].CalculateSize();
            if (room < 0)
            {
                details.RemoveAt(details.Count - 1);
                break;
            }
        }
        var isCarried = true;
        foreach (var current in changed.Select(static one => one.Current).OfType<IMessage>())
        {
            room -= current.CalculateSize() + current.Descriptor.FullName.Length + 64;
            if (room < 0)
            {
                isCarried = false;
                break;
            }
            details.Add(current);
        }
        var many = changed.Count == 1 ? "" : $" ({changed.Count} are not as they were seen)";
        var sentence = first.Found == 0 ? $"There is no {first.Kind} \"{first.Name}\" any more, and generation {Text(first.Seen)} was seen"
            : first.Seen == 0 ? $"There is a {first.Kind} \"{first.Name}\" by now, of generation {Text(first.Found)}"
            : $"{first.Kind} \"{first.Name}\" has generation {Text(first.Found)}, and {Text(first.Seen)} was seen";
        return Make(
            Code.Aborted, "GENERATION_CHANGED", $"{sentence}{many}; nothing was stored. {(isCarried ? "Look at it as it is now" : "Get it, it is too large to be carried here")}, and ask again.",
            facts, [.. details]);
    }

    /// <summary>It cannot be done as things are.</summary>
    public static RpcException Precondition(string message) => Make(Code.FailedPrecondition, "NOT_POSSIBLE_NOW", message);

    /// <summary>A watcher did not read what it was sent.</summary>
    /// <param name="resume">How it goes on.</param>
    /// <param name="token">Where; empty where there is no such place.</param>
    public static RpcException TooSlow(string resume, string token = "") =>
        Make(Code.ResourceExhausted, "TOO_SLOW", $"The client reads too slowly, so the stream was ended. {resume}", token.Length == 0 ? NoFacts : new() { ["resume_token"] = token });

    /// <summary>A watch cannot go on from where the client wants it to.</summary>
    /// <param name="why">A sentence.</param>
    public static RpcException TooOld(string why) =>
        Make(Code.OutOfRange, "TOO_OLD", $"{why} Watch again without a resume token, and take what you then get for all there is.");

    /// <summary>The store or the daemon could not do it.</summary>
    public static RpcException Make(Code code, string reason, string message, params ReadOnlySpan<IMessage> details) => Make(code, reason, message, NoFacts, details);

    /// <summary>It was not done.</summary>
    /// <param name="code">What it is for a program that knows nothing of us.</param>
    /// <param name="reason">A word in UPPER_SNAKE_CASE that a program can compare.</param>
    /// <param name="message">What, where, why and what to do.</param>
    /// <param name="facts">What it is about, as fields: node, unit, fleet, phase.</param>
    /// <param name="details">More of it; where asking again later can help, when is added.</param>
    public static RpcException Make(Code code, string reason, string message, IReadOnlyDictionary<string, string> facts, params ReadOnlySpan<IMessage> details)
    {
        var status = new Google.Rpc.Status { Code = (int)code, Message = Redactor.RedactSentence(Short(message, MaxSentence)) };
        var info = new ErrorInfo { Reason = reason, Domain = Domain };
        foreach (var (key, value) in facts.Where(static fact => fact.Value.Length > 0))
        {
            info.Metadata[key] = Short(value, MaxQuoted);
        }
        status.Details.Add(Any.Pack(info));
        var saysWhen = false;
        foreach (var detail in details)
        {
            saysWhen |= detail is RetryInfo;
            status.Details.Add(Any.Pack(detail));
        }
        if (!saysWhen && (code is Code.Unavailable or Code.ResourceExhausted))
        {
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(RetryAfter) }));
        }
        return status.ToRpcException();
    }

    private static Dictionary<string, string> Facts(string kind, string name) => kind switch
    {
        "node" or "fleet" or "unit" => new() { [kind] = name },
        _ => [],
    };

    // Half a character would be none.
    private static string Short(string text, int most) => text.Length <= most ? text : $"{text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)]}...";

    private static string Text(long number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

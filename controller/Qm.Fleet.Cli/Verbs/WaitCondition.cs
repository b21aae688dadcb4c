using Google.Protobuf;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.Cli.Output.JsonPaths;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>What --for of wait asks of a resource.</summary>
internal abstract record WaitCondition
{
    private const string ConditionWord = "condition=";
    private const string PhaseWord = "phase=";
    private const string PathWord = "jsonpath=";

    /// <summary>Whether a resource is as it is waited for, or can never be.</summary>
    internal abstract (bool IsMet, string? Failure) Judge(IMessage resource);

    /// <summary>How the resource is, in a few words, for when it is waited for in vain.</summary>
    internal abstract string Describe(IMessage resource);

    /// <summary>Reads condition=Ready, condition=Ready=false, phase=Healthy, complete, delete, jsonpath={.a}, or jsonpath={.a}=value.</summary>
    /// <exception cref="CliException">It is none of them.</exception>
    internal static WaitCondition Parse(string text)
    {
        if (text.StartsWith(ConditionWord, StringComparison.OrdinalIgnoreCase) && text.Length > ConditionWord.Length)
        {
            var parts = text[ConditionWord.Length..].Split('=', 2);
            return new Condition(parts[0], parts.Length == 1 ? "true" : parts[1]);
        }

        return text switch
        {
            "delete" => new Gone(),
            "complete" => new Complete(),
            _ when text.StartsWith(PhaseWord, StringComparison.OrdinalIgnoreCase) && text.Length > PhaseWord.Length => new Phase(text[PhaseWord.Length..]),
            _ when text.StartsWith(PathWord, StringComparison.OrdinalIgnoreCase) => ParsePath(text[PathWord.Length..]),
            _ => throw new CliException(ExitCode.Invalid, $"--for {text}: expected condition=Ready, phase=Healthy, complete, delete, or jsonpath='{{.spec.cordoned}}'=true"),
        };
    }

    private static Path ParsePath(string text)
    {
        var end = text.StartsWith('{') ? text.LastIndexOf('}') + 1 : text.IndexOf('=', StringComparison.Ordinal) is >= 0 and var equals ? equals : text.Length;
        try
        {
            return end == text.Length ? new(JsonPath.Parse(text), text, null)
                : end > 0 && text[end] == '=' ? new(JsonPath.Parse(text[..end]), text[..end], text[(end + 1)..])
                : throw new JsonPathException(end + 1, "expected =VALUE after the path, or nothing");
        }
        catch (JsonPathException e)
        {
            throw new CliException(ExitCode.Invalid, FormattableString.Invariant($"--for jsonpath={text}: {e.Message} (letter {e.Position})"));
        }
    }

    // ready, Ready and READY, qm-down and QM_DOWN are what people type for the same.
    private static bool IsSame(string one, string other) => string.Equals(Bare(one), Bare(other), StringComparison.OrdinalIgnoreCase);

    private static string Bare(string word) => word.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal);

    /// <summary>A condition of the status.</summary>
    internal sealed record Condition(string Type, string Status) : WaitCondition
    {
        internal override (bool IsMet, string? Failure) Judge(IMessage resource) => (Find(resource)?.Status.ToString() is { } status && IsSame(status, Status), null);

        internal override string Describe(IMessage resource) => Find(resource) is { } found
            ? $"{found.Type} is {found.Status}{(found.Message.Length > 0 ? $": {found.Message}" : "")}" : $"there is no condition {Type}";

        private V1.Condition? Find(IMessage resource) => (resource switch
        {
            V1.Node node => node.Status?.Conditions,
            V1.Fleet fleet => fleet.Status?.Conditions,
            V1.Site site => site.Status?.Conditions,
            _ => null,
        })?.FirstOrDefault(condition => IsSame(condition.Type, Type));
    }

    /// <summary>A phase: of a node, a rollout, or a fleet's newest rollout.</summary>
    internal sealed record Phase(string Wanted) : WaitCondition
    {
        internal override (bool IsMet, string? Failure) Judge(IMessage resource) => (IsSame(Of(resource), Wanted), null);

        internal override string Describe(IMessage resource) => Of(resource) is { Length: > 0 } phase ? $"the phase is {phase}" : "there is no phase yet";

        private static string Of(IMessage resource) => resource switch
        {
            V1.Node { Status.Phase: { } phase } => SupervisionText.Word(phase.Phase),
            V1.Fleet { Status.Rollout: { } rollout } => rollout.Phase.ToString(),
            V1.Rollout rollout => rollout.Phase.ToString(),
            _ => "",
        };
    }

    /// <summary>The good end of a rollout or an operation; another end is a failure at once.</summary>
    internal sealed record Complete : WaitCondition
    {
        internal override (bool IsMet, string? Failure) Judge(IMessage resource) => resource switch
        {
            V1.Fleet { Status.Rollout: { } rollout } => Of(rollout),
            V1.Rollout rollout => Of(rollout),
            V1.Operation { Done: true } operation => (operation.Error.Length == 0, operation.Error.Length > 0 ? $"failed: {operation.Error}" : null),
            _ => (false, null),
        };

        internal override string Describe(IMessage resource) => resource switch
        {
            V1.Fleet { Status.Rollout: { } rollout } => $"rollout {rollout.Name} is {rollout.Phase}{Colon(rollout.Message)}",
            V1.Rollout rollout => $"it is {rollout.Phase}{Colon(rollout.Message)}",
            V1.Operation operation => $"it runs{Colon(operation.Message)}",
            _ => "there is no rollout yet",
        };

        private static (bool IsMet, string? Failure) Of(V1.Rollout rollout) => rollout.Phase switch
        {
            V1.Rollout.Types.Phase.Succeeded => (true, null),
            V1.Rollout.Types.Phase.Progressing or V1.Rollout.Types.Phase.Unspecified => (false, null),
            _ => (false, $"rollout {rollout.Name} is {rollout.Phase}{Colon(rollout.Message)}"),
        };

        private static string Colon(string message) => message.Length > 0 ? $": {message}" : "";
    }

    /// <summary>That it is not there any more.</summary>
    internal sealed record Gone : WaitCondition
    {
        internal override (bool IsMet, string? Failure) Judge(IMessage resource) => (false, null);

        internal override string Describe(IMessage resource) => "it is still there";
    }

    /// <summary>What a path leads to.</summary>
    internal sealed record Path(JsonPath Steps, string Text, string? Wanted) : WaitCondition
    {
        internal override (bool IsMet, string? Failure) Judge(IMessage resource)
        {
            var found = Of(resource);
            return (Wanted is null ? found.Length > 0 : found.Contains(Wanted), null);
        }

        internal override string Describe(IMessage resource) => Of(resource) is { Length: > 0 } found ? $"{Text} is {string.Join(' ', found)}" : $"{Text} leads to nothing";

        private string[] Of(IMessage resource)
        {
            var tree = ApiText.Tree(resource);
            return [.. Steps.Select(tree, tree).Select(JsonPath.Text)];
        }
    }
}

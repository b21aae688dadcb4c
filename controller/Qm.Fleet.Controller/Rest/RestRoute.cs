using System.Collections.Immutable;
using Google.Api;
using Google.Protobuf.Reflection;

namespace Qm.Fleet.Controller.Rest;

/// <summary>One HTTP route of a method: what of the request comes in the path, what in the body, and what in the query.</summary>
internal sealed class RestRoute
{
    /// <summary>Reads a rule.</summary>
    public RestRoute(MethodDescriptor method, HttpRule rule)
    {
        (Verb, Template) = rule.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => (HttpMethods.Get, rule.Get),
            HttpRule.PatternOneofCase.Post => (HttpMethods.Post, rule.Post),
            HttpRule.PatternOneofCase.Put => (HttpMethods.Put, rule.Put),
            HttpRule.PatternOneofCase.Patch => (HttpMethods.Patch, rule.Patch),
            HttpRule.PatternOneofCase.Delete => (HttpMethods.Delete, rule.Delete),
            _ => throw new InvalidOperationException($"The HTTP rule of {method.FullName} has no route."),
        };
        Method = method;
        Parameters = [.. Template.Split('{').Skip(1).Select(static part => part[..part.IndexOf('}', StringComparison.Ordinal)].Split('=')[0])];
        BodyField = rule.Body is "" or "*" ? null : method.InputType.FindFieldByName(rule.Body);
        Body = rule.Body switch { "" => null, "*" => method.InputType, _ => BodyField!.MessageType };
    }

    /// <summary>The method.</summary>
    public MethodDescriptor Method { get; }

    /// <summary>The HTTP method in upper case.</summary>
    public string Verb { get; }

    /// <summary>The path as the rule writes it, such as <c>/v1/{name=operations/**}:wait</c>.</summary>
    public string Template { get; }

    /// <summary>Fields of the request that the path holds, such as <c>fleet.metadata.name</c>.</summary>
    public ImmutableArray<string> Parameters { get; }

    /// <summary>What the body is; null for a route without one.</summary>
    public MessageDescriptor? Body { get; }

    /// <summary>The field that the body is; null when it is the whole request, or there is none.</summary>
    public FieldDescriptor? BodyField { get; }

    /// <summary>Fields of the request, and of the messages right in it, that the query may name: what neither path nor body holds.</summary>
    public IEnumerable<(string Name, FieldDescriptor Field)> Query => Body is not null && BodyField is null ? [] : QueryOf(Method.InputType, "");

    /// <inheritdoc/>
    public override string ToString() => $"{Verb} {Template}";

    private IEnumerable<(string Name, FieldDescriptor Field)> QueryOf(MessageDescriptor message, string prefix) => message.Fields.InDeclarationOrder()
        .Where(field => field != BodyField && !field.IsMap && !Parameters.Contains(prefix + field.Name) && JsonType.IsText(field))
        .Select(field => (prefix + field.JsonName, field));
}

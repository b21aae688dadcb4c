using System.Text;
using Google.Protobuf.Reflection;
using Qm.Fleet.Controller.Rest;

namespace Qm.Fleet.Controller.Tests.Docs;

/// <summary>The API as a page to read: services, methods and routes, then every message and enum they need, with the comments of the protos.</summary>
internal sealed class ApiReference(ProtoComments comments)
{
    private const string Package = "qm.fleet.v1.";
    private readonly StringBuilder _text = new();

    // In the order in which they are first needed.
    private readonly List<IDescriptor> _types = [];

    /// <summary>The page, in Markdown.</summary>
    internal string Write()
    {
        _text.AppendLine("""
            # The API

            Made from the comments of `protos/qm/fleet/v1`; a test fails while it is not what they say. Write it anew with
            `UPDATE_GOLDEN=1 dotnet run --project tests/Qm.Fleet.Controller.Tests -- -class "*ApiReferenceTests"`.

            Every method is there over gRPC, with server reflection, and under the route beside it over REST; `/openapi/v1.json` describes REST to programs. Errors are
            `google.rpc.Status` with details. A field of a request that is neither in the route nor in the body is a parameter of the query; JSON names are in camelCase.
            Streams over REST are JSON, one message a line.
            """);
        foreach (var service in ApiServices.All)
        {
            Service(service);
        }
        _text.AppendLine().AppendLine("# Messages");
        for (var index = 0; index < _types.Count; index++)
        {
            if (_types[index] is MessageDescriptor message)
            {
                Message(message);
            }
            else
            {
                Enumeration((EnumDescriptor)_types[index]);
            }
        }
        return _text.ToString();
    }

    private void Service(Google.Protobuf.Reflection.ServiceDescriptor service)
    {
        _text.AppendLine().Append("## ").AppendLine(service.Name).AppendLine().AppendLine(Comment(service.FullName)).AppendLine();
        _text.AppendLine("| Method | Request | Answer | REST | |").AppendLine("|---|---|---|---|---|");
        foreach (var method in service.Methods)
        {
            var routes = string.Join("<br>", ApiServices.Routes(method).Select(static route => $"`{route}`"));
            _text.AppendLine($"| {method.Name} | {(method.IsClientStreaming ? "stream of " : "")}{Link(method.InputType)} | {(method.IsServerStreaming ? "stream of " : "")}{Link(method.OutputType)} | {(routes.Length == 0 ? "gRPC only" : routes)} | {Comment(method.FullName)} |");
        }
    }

    private void Message(MessageDescriptor message)
    {
        _text.AppendLine().Append("## ").AppendLine(Name(message)).AppendLine().AppendLine(Comment(message.FullName));
        if (message.Fields.InDeclarationOrder().Count == 0)
        {
            return;
        }
        _text.AppendLine().AppendLine("| Field | Type | |").AppendLine("|---|---|---|");
        foreach (var field in message.Fields.InDeclarationOrder())
        {
            _text.AppendLine($"| `{field.JsonName}` | {TypeOf(field)} | {Comment(field.FullName)} |");
        }
    }

    private void Enumeration(EnumDescriptor type)
    {
        _text.AppendLine().Append("## ").AppendLine(Name(type)).AppendLine().AppendLine(Comment(type.FullName)).AppendLine();
        _text.AppendLine("| Value | |").AppendLine("|---|---|");
        foreach (var value in type.Values)
        {
            _text.AppendLine($"| `{value.Name}` | {Comment($"{type.FullName}.{value.Name}")} |");
        }
    }

    private string TypeOf(FieldDescriptor field) => field.IsMap
        ? $"map of {One(field.MessageType.FindFieldByNumber(1))} to {One(field.MessageType.FindFieldByNumber(2))}"
        : field.IsRepeated ? $"list of {One(field)}" : One(field);

    private string One(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => Link(field.MessageType),
        FieldType.Enum => Link(field.EnumType),
        var plain => plain.ToString().ToLowerInvariant(),
    };

    private string Link(IDescriptor type)
    {
        if (!type.FullName.StartsWith(Package, StringComparison.Ordinal))
        {
            return type.Name;
        }
        if (!_types.Contains(type))
        {
            _types.Add(type);
        }
        return $"[{Name(type)}](#{Name(type).Replace(".", "", StringComparison.Ordinal).ToLowerInvariant()})";
    }

    // A bar would end the cell of the table.
    private string Comment(string fullName) => comments[fullName].Replace("|", "\\|", StringComparison.Ordinal);

    private static string Name(IDescriptor type) => type.FullName[Package.Length..];
}
